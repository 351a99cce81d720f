// UPS-RS (PS3.18 §11) under /dicomweb, and the event channel.
import * as HttpRouter from "effect/http/HttpRouter"
import { eventChannel } from "./event-channel.ts"
import { answering, type WorklistOptions } from "./replies.ts"
import { subscribe, suspend, unsubscribe } from "./subscribing.ts"
import { changeState, create, requestCancel, retrieve, searchWorkitems, update } from "./workitems.ts"

const workitem = "/dicomweb/workitems/:workitem"
const subscriber = `${workitem}/subscribers/:subscriber`

/** Where clients look for the channel: below the service (PS3.18 §8.10.4), and where dcm4chee has it. */
const channels = [
  "/dicomweb/subscribers/:subscriber",
  "/dicomweb/ws/subscribers/:subscriber",
  "/ws/subscribers/:subscriber",
] as const

/** Needs Worklist. The requester comes as a segment too: older editions and dcm4che's clients have it there. */
export const WorklistRoutes = (options: WorklistOptions) =>
  HttpRouter.addAll([
    HttpRouter.route("POST", "/dicomweb/workitems", answering(create(options), options)),
    HttpRouter.route("GET", "/dicomweb/workitems", answering(searchWorkitems(options), options)),
    HttpRouter.route("GET", workitem, answering(retrieve(options), options)),
    HttpRouter.route("POST", workitem, answering(update(), options)),
    HttpRouter.route("PUT", `${workitem}/state`, answering(changeState(options), options)),
    HttpRouter.route("PUT", `${workitem}/state/:requester`, answering(changeState(options), options)),
    HttpRouter.route("POST", `${workitem}/cancelrequest`, answering(requestCancel(options), options)),
    HttpRouter.route("POST", `${workitem}/cancelrequest/:requester`, answering(requestCancel(options), options)),
    HttpRouter.route("POST", subscriber, answering(subscribe(options), options)),
    HttpRouter.route("DELETE", subscriber, answering(unsubscribe(), options)),
    HttpRouter.route("POST", `${subscriber}/suspend`, answering(suspend(), options)),
    ...channels.map((path) => HttpRouter.route("GET", path, answering(eventChannel(options), options))),
  ])
