// Delete (PS3.18 §10.7 of the retired text, as the archives speak it): gone from every answer at once, on one gateway.
import { assert, layer } from "@effect/vitest"
import { type Check, checks, json, values } from "./checks.fixture.ts"
import { store } from "./client.fixture.ts"
import { archive, ct, mr, report } from "./archive.fixture.ts"
import { live } from "./gateway.fixture.ts"
import { storedAre } from "./store-answer.fixture.ts"

const series = "/studies/1.2.3.4.1/series/1.2.3.4.1.1"
const first = `${series}/instances/${ct[0]!.SOPInstanceUID}`
const gone = (name: string, path: string): Check => ({ name, path, status: 404 })
const erase = (name: string, path: string, status: Check["status"] = [200, 204]): Check => ({
  name,
  method: "DELETE",
  path,
  status,
})

/** In this order: each step stands on the ones before. */
const steps: ReadonlyArray<Check> = [
  erase("a malformed UID", "/studies/1.2.x", 400),
  erase("an unknown study", "/studies/1.2.3.999", 404),
  erase("an unknown series", "/studies/1.2.3.4.1/series/1.9", 404),
  erase("an unknown instance", `${series}/instances/1.9`, 404),
  erase(
    "an instance under a study that is not its own",
    `/studies/1.2.3.4.2/series/1.2.3.4.1.1/instances/${ct[0]!.SOPInstanceUID}`,
    404,
  ),
  erase("one instance", first),
  gone("the instance is gone", first),
  gone("its metadata is gone", `${first}/metadata`),
  gone("its frames are gone", `${first}/frames/1`),
  gone("its picture is gone", `${first}/rendered`),
  erase("the instance once more", first, 404),
  {
    name: "the series has two instances left",
    path: `${series}/instances`,
    status: 200,
    shows: (answer) =>
      assert.sameMembers([...values(answer, "00080018")], [ct[1]!.SOPInstanceUID, ct[2]!.SOPInstanceUID]),
  },
  {
    name: "the study counts one fewer",
    path: "/studies?PatientID=P-001",
    status: 200,
    shows: (answer) => assert.deepStrictEqual([...values(answer, "00201208"), ...values(answer, "00201206")], [3, 2]),
  },
  {
    name: "a search for its UID finds nothing",
    path: `/instances?SOPInstanceUID=${ct[0]!.SOPInstanceUID}`,
    status: 204,
  },
  {
    name: "the series' metadata has two",
    path: `${series}/metadata`,
    status: 200,
    shows: (answer) => assert.lengthOf(json(answer), 2),
  },
  erase("a series", series),
  gone("the series is gone", series),
  {
    name: "the study keeps its other series",
    path: "/studies/1.2.3.4.1/series",
    status: 200,
    shows: (answer) => assert.deepStrictEqual([...values(answer, "0020000E")], [report.SeriesInstanceUID]),
  },
  {
    name: "its modality is no longer one of the study's",
    path: "/studies?PatientID=P-001",
    status: 200,
    shows: (answer) => assert.deepStrictEqual(json(answer)[0]!["00080061"]?.Value, ["SR"]),
  },
  {
    name: "the study is not found by the modality",
    path: "/studies?PatientID=P-001&ModalitiesInStudy=CT",
    status: 204,
  },
  erase("a whole study", "/studies/1.2.3.4.1"),
  gone("the study is gone", "/studies/1.2.3.4.1"),
  { name: "no study of the patient is found", path: "/studies?PatientID=P-001", status: 204 },
  { name: "no series of it is found", path: "/studies/1.2.3.4.1/series", status: 204 },
  {
    name: "other studies are there",
    path: `/studies/1.2.3.4.2/series/1.2.3.4.2.1/instances/${mr[0]!.SOPInstanceUID}/frames/1`,
    status: 200,
  },
  {
    name: "the same instance may be sent again",
    path: "/studies",
    ...store(ct[0]!.bytes),
    status: 200,
    shows: (answer) => storedAre(answer, ct[0]!.SOPInstanceUID),
  },
  { name: "and is there again", path: first, status: 200 },
  erase("and can be deleted again", "/studies/1.2.3.4.1"),
  erase("no study at all", "/studies", [404, 405]),
]

layer(live(archive), { timeout: 60_000, excludeTestServices: true })("DELETE", (it) => {
  checks(it, steps)
})
