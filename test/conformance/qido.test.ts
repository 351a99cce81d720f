// What QIDO-RS finds (PS3.18 §8.3.4, §10.6; matching after PS3.4 §C.2.2.2), on one gateway.
import { assert, layer } from "@effect/vitest"
import { type Answer } from "./client.fixture.ts"
import { type Check, checks, json, values } from "./checks.fixture.ts"
import { ct, mr } from "./archive.fixture.ts"
import { live } from "./gateway.fixture.ts"

const [study1, study2, study5, study6] = ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.5", "1.2.3.4.6"] as const
const series1 = ct[0]!.SeriesInstanceUID
const dicomJson = "application/dicom+json"

/** 200 with exactly these studies, in any order; no studies: 204. */
const studiesAre =
  (...wanted: ReadonlyArray<string>) =>
  (answer: Answer) =>
    assert.deepStrictEqual([...values(answer, "0020000D")].sort(), [...wanted].sort())
const finds = (name: string, query: string, ...wanted: ReadonlyArray<string>): Check =>
  wanted.length === 0
    ? { name, path: `/studies?${query}`, status: 204 }
    : { name, path: `/studies?${query}`, status: 200, type: dicomJson, shows: studiesAre(...wanted) }
const counts = (name: string, path: string, count: number): Check =>
  count === 0
    ? { name, path, status: 204 }
    : { name, path, status: 200, type: dicomJson, shows: (answer) => assert.lengthOf(json(answer), count) }
/** 400 whose sentence names the parameter. */
const names = (name: string, query: string, parameter: string): Check => ({
  name,
  path: `/studies?${query}`,
  status: 400,
  shows: ({ text }) => assert.include(text, parameter),
})
const resources: ReadonlyArray<Check> = [
  counts("§10.6.1 all studies", "/studies", 4),
  counts("§10.6.1 all series", "/series", 12),
  counts("§10.6.1 all instances", "/instances", 15),
  counts("§10.6.1 a study's series", `/studies/${study1}/series`, 2),
  counts("§10.6.1 a study's instances", `/studies/${study1}/instances`, 4),
  counts("§10.6.1 a series' instances", `/studies/${study1}/series/${series1}/instances`, 3),
  counts("§10.6.3.1 an unknown study's series: no match", "/studies/1.2.3.999/series", 0),
  counts("§10.6.3.1 an unknown series' instances: no match", `/studies/${study1}/series/1.9/instances`, 0),
  { name: "§8.2 a malformed UID in the address", path: "/studies/1.2.x/series", status: 400 },
]

const matching: ReadonlyArray<Check> = [
  finds("PS3.4 §C.2.2.2.1 single value by keyword", "PatientID=P-001", study1),
  finds("§8.3.4.1 the same attribute by tag", "00100020=P-001", study1),
  finds("PS3.4 §C.2.2.2.1 an ID does not match in part", "PatientID=P-00"),
  finds("PS3.4 §C.2.2.2.1 an ID is case-sensitive", "PatientID=p-001"),
  finds("PS3.4 §C.2.2.2.4 wildcard at the end", "PatientID=P-*", study1, study2, study5, study6),
  finds("PS3.4 §C.2.2.2.4 wildcard at both ends as OHIF sends it", "PatientName=*John*", study2),
  finds("PS3.4 §C.2.2.2.4 percent-encoded wildcards", "PatientName=%2AJohn%2A", study2),
  finds("PS3.4 §C.2.2.2.4 a question mark is one character", "PatientID=P-00%3F", study1, study2, study5, study6),
  finds("PS3.4 §C.2.2.2.4 a question mark is not none", "PatientID=P-001%3F"),
  finds("PS3.4 §C.2.2.2.4 a star may be nothing", "PatientID=P-001*", study1),
  finds("PS3.4 §C.2.2.2.4 a percent sign is no wildcard", "PatientID=P%25"),
  finds("PS3.4 §C.2.2.2.4 an underscore is no wildcard", "PatientID=P_001"),
  finds("PS3.4 §C.2.2.2.4 brackets are no wildcard", "PatientID=P-00%5B1-2%5D"),
  finds("PS3.4 §C.2.2.2.3 an empty value matches all", "PatientID=", study1, study2, study5, study6),
  finds("PS3.4 §C.2.2.2.4 a lone star matches all", "PatientID=*", study1, study2, study5, study6),
  finds("PS3.4 §C.2.2.2.1 name with encoded carets", "PatientName=Doe%5EJohn", study2),
  finds("PS3.4 §C.2.2.2.1 a name may differ in case", "PatientName=doe%5Ejohn", study2),
  finds("PS3.5 §6.2 trailing empty components do not count", "PatientName=Doe%5EJohn%5E%5E%5E", study2),
  finds("PS3.4 §C.2.2.2.4 family name and star", "PatientName=Doe*", study1, study2),
  finds("PS3.4 §C.2.2.2.5 one day", "StudyDate=20240115", study1),
  finds("PS3.4 §C.2.2.2.5 a range of days", "StudyDate=20240101-20240131", study1),
  finds("PS3.4 §C.2.2.2.5 a range holds its ends", "StudyDate=20240115-20240220", study1, study2),
  finds("PS3.4 §C.2.2.2.5 from a day on", "StudyDate=20240116-", study2),
  finds("PS3.4 §C.2.2.2.5 up to a day", "StudyDate=-20240115", study1),
  finds("PS3.4 §C.2.2.2.5 the percent-encoded hyphen", "StudyDate=20240101%2D20240131", study1),
  finds("PS3.4 §C.2.2.2.5 no study in the range", "StudyDate=20200101-20201231"),
  finds("PS3.4 §C.2.2.2.5 a range of times", "StudyTime=100000-110000", study1),
  finds("PS3.4 §C.2.2.2.5 a range of hours", "StudyTime=10-11", study1),
  finds("PS3.4 §C.2.2.2.5 from a time on, with fractions", "StudyTime=235959-", study2),
  finds("PS3.4 §C.2.2.2.5 up to a time", "StudyTime=-120000", study1),
  finds(
    "PS3.4 §C.2.2.2.5.1 date and time are one range",
    "StudyDate=20240115-20240221&StudyTime=110000-120000",
    study2,
  ),
  finds("PS3.4 §C.2.2.2.2 a list of UIDs by comma", `StudyInstanceUID=${study1},${study2}`, study1, study2),
  finds("PS3.4 §C.2.2.2.2 by an encoded comma", `StudyInstanceUID=${study1}%2C${study2}`, study1, study2),
  finds("PS3.4 §C.2.2.2.2 by an encoded backslash, as OHIF", `StudyInstanceUID=${study1}%5C${study2}`, study1, study2),
  finds("PS3.4 §C.2.2.2.2 unknown UIDs of a list are passed over", `0020000D=${study1},1.2.3.999`, study1),
  finds("PS3.18 Table 10.6.1-5 AccessionNumber", "AccessionNumber=ACC-002", study2),
  finds("PS3.18 Table 10.6.1-5 StudyID", "StudyID=S1", study1),
  finds("PS3.18 Table 10.6.1-5 ReferringPhysicianName", "ReferringPhysicianName=Refer*", study1),
  finds("PS3.18 Table 10.6.1-5 ModalitiesInStudy", "ModalitiesInStudy=MR", study2),
  finds("PS3.4 §C.3.4 any modality of the study", "ModalitiesInStudy=SR", study1),
  finds("PS3.4 §C.2.2.2.2 ModalitiesInStudy takes a list", "ModalitiesInStudy=MR%5CCT", study1, study2),
  finds("§8.3.4.1 ModalitiesInStudy by tag and comma", "00080061=MR,DOC", study2, study6),
  finds("§8.3.4.1 the comma of a text value is text", "StudyDescription=BRAIN,%20MR", study2),
  finds("§8.3.4.1 plus is a blank, %20 too", "StudyDescription=CHEST+CT", study1),
  finds("§8.3.4.1 every key has to match", "PatientName=Doe*&PatientSex=F", study1),
  finds("§8.3.4.1 contradicting keys: none", "PatientID=P-001&AccessionNumber=ACC-002"),
  finds("§8.3.4 no match is 204 without a body", "PatientID=NOBODY"),
  finds("§10.6.1.2.1 a series' key on studies: Modality", "Modality=US", study2),
  counts("§10.6.1.2.2 Modality on series", "/series?Modality=CT", 1),
  counts("§10.6.1.2.2 a study's key on series", "/series?PatientID=P-002", 3),
  counts("§10.6.1.2.2 SeriesNumber", `/studies/${study1}/series?SeriesNumber=2`, 1),
  counts("§10.6.1.2.2 PerformedProcedureStepStartDate", "/series?PerformedProcedureStepStartDate=20240115", 1),
  counts("§10.6.1.2.2 PerformedProcedureStepStartTime range", "/series?PerformedProcedureStepStartTime=1000-1100", 1),
  counts("PS3.4 §C.2.2.2.6 a sequence's attribute by tags", "/series?00400275.00400009=SPS-1", 1),
  counts("PS3.4 §C.2.2.2.6 by keywords", "/series?RequestAttributesSequence.RequestedProcedureID=RP-1", 1),
  counts("PS3.4 §C.2.2.2.6 another value: none", "/series?00400275.00400009=SPS-2", 0),
  counts("§10.6.1.2.3 SOPClassUID", "/instances?SOPClassUID=1.2.840.10008.5.1.4.1.1.2", 3),
  counts("§10.6.1.2.3 SOPInstanceUID", `/instances?SOPInstanceUID=${ct[1]!.SOPInstanceUID}`, 1),
  counts(
    "§10.6.1.2.3 a list of SOPInstanceUID",
    `/instances?00080018=${ct[1]!.SOPInstanceUID},${mr[0]!.SOPInstanceUID}`,
    2,
  ),
  counts("§10.6.1.2.3 InstanceNumber", `/studies/${study1}/instances?InstanceNumber=2`, 1),
  counts("§10.6.1.2.3 a study's key on instances", "/instances?AccessionNumber=ACC-001", 4),
  counts("§10.6.1.2.3 a series' key on instances", "/instances?Modality=MR", 2),
  counts("§10.6.1.2.3 another study's series matches nothing", `/studies/${study2}/series/${series1}/instances`, 0),
]

const faults: ReadonlyArray<Check> = [
  names("§8.3.1 an unknown keyword", "NoSuchKeyword=1", "NoSuchKeyword"),
  names("§8.3.4.4 a negative limit", "limit=-1", "limit"),
  names("§8.3.4.4 a limit that is no number", "limit=ten", "limit"),
  names("§8.3.4.4 a negative offset", "offset=-5", "offset"),
  names("§8.3.4.4 an offset with a fraction", "offset=1.5", "offset"),
  names("§8.3.4.2 fuzzymatching is true or false", "fuzzymatching=maybe", "fuzzymatching"),
  names("§8.3.4.3 an unknown keyword in includefield", "includefield=NoSuchKeyword", "NoSuchKeyword"),
  names("PS3.5 §6.2 a date with letters", "StudyDate=yesterday", "StudyDate"),
  names("PS3.5 §6.2 a thirteenth month", "StudyDate=20241301", "StudyDate"),
  names("PS3.5 §6.2 a date range with a broken end", "StudyDate=20240101-2024", "StudyDate"),
  names("PS3.5 §6.2 an hour 25", "StudyTime=250000", "StudyTime"),
  names("PS3.5 §9 a UID with letters", "StudyInstanceUID=1.2.abc", "StudyInstanceUID"),
]

layer(live(), { timeout: 60_000, excludeTestServices: true })("QIDO-RS", (it) => {
  checks(it, [...resources, ...matching, ...faults])
})
