// QIDO-RS, WADO-RS and DELETE under /dicomweb.
import * as HttpRouter from "effect/http/HttpRouter"
import { answer, type DicomwebOptions } from "./answers.ts"
import { bulkValue, bulkValues } from "./bulk-data.ts"
import { frames } from "./frames.ts"
import { metadata } from "./metadata.ts"
import { remove } from "./remove.ts"
import { framePictures, pictures } from "./rendered.ts"
import { retrieve } from "./retrieve.ts"
import { search } from "./search.ts"

const study = "/studies/:study"
const series = `${study}/series/:series`
const instance = `${series}/instances/:instance`

/** Needs Ledger, Blobs, Decoder and VectorIndex. */
export const DicomwebRoutes = (options: DicomwebOptions = {}) =>
  HttpRouter.addAll(
    [
      HttpRouter.route("GET", "/studies", answer(search("study", options))),
      HttpRouter.route("GET", "/series", answer(search("series", options))),
      HttpRouter.route("GET", "/instances", answer(search("instance", options))),
      HttpRouter.route("GET", `${study}/series`, answer(search("series", options))),
      HttpRouter.route("GET", `${study}/instances`, answer(search("instance", options))),
      HttpRouter.route("GET", `${series}/instances`, answer(search("instance", options))),
      HttpRouter.route("GET", study, answer(retrieve(options))),
      HttpRouter.route("GET", series, answer(retrieve(options))),
      HttpRouter.route("GET", instance, answer(retrieve(options))),
      HttpRouter.route("GET", `${study}/metadata`, answer(metadata(options))),
      HttpRouter.route("GET", `${study}/bulkdata`, answer(bulkValues("all", options))),
      HttpRouter.route("GET", `${study}/pixeldata`, answer(bulkValues("pixels", options))),
      HttpRouter.route("GET", `${series}/metadata`, answer(metadata(options))),
      HttpRouter.route("GET", `${series}/bulkdata`, answer(bulkValues("all", options))),
      HttpRouter.route("GET", `${series}/pixeldata`, answer(bulkValues("pixels", options))),
      HttpRouter.route("GET", `${instance}/metadata`, answer(metadata(options))),
      HttpRouter.route("GET", `${instance}/bulkdata`, answer(bulkValues("all", options))),
      HttpRouter.route("GET", `${instance}/pixeldata`, answer(bulkValues("pixels", options))),
      HttpRouter.route("GET", `${instance}/bulkdata/:element`, answer(bulkValue(options))),
      HttpRouter.route("GET", `${instance}/frames/:frames`, answer(frames())),
      ...(["rendered", "thumbnail"] as const).flatMap((kind) => [
        HttpRouter.route("GET", `${study}/${kind}`, answer(pictures(kind, options))),
        HttpRouter.route("GET", `${series}/${kind}`, answer(pictures(kind, options))),
        HttpRouter.route("GET", `${instance}/${kind}`, answer(pictures(kind, options))),
        HttpRouter.route("GET", `${instance}/frames/:frames/${kind}`, answer(framePictures(kind, options))),
      ]),
      HttpRouter.route("DELETE", study, answer(remove())),
      HttpRouter.route("DELETE", series, answer(remove())),
      HttpRouter.route("DELETE", instance, answer(remove())),
    ],
    { prefix: "/dicomweb" },
  )
