// One access as an audit message: the fields of DICOM PS3.15 §A.5 (ATNA, RFC 3881) in JSON.
import { hostname } from "node:os"
import type { Caller } from "../domain/caller.ts"

/** What was done, in the words of the route table. */
export type AuditedEvent =
  | "store"
  | "query"
  | "retrieve"
  | "delete-study"
  | "delete-part"
  | "worklist"
  | "change"
  | "activity"
  | "sign-in"

type ActionCode = "C" | "R" | "U" | "D" | "E"

/** EventID (PS3.16 CID 400) and EventActionCode of each (PS3.15 §A.5.3). */
const events: Readonly<Record<AuditedEvent, readonly [code: string, meaning: string, action: ActionCode]>> = {
  store: ["110104", "DICOM Instances Transferred", "C"],
  query: ["110112", "Query", "E"],
  retrieve: ["110104", "DICOM Instances Transferred", "R"],
  "delete-study": ["110105", "DICOM Study Deleted", "D"],
  "delete-part": ["110103", "DICOM Instances Accessed", "D"],
  worklist: ["110100", "Application Activity", "E"],
  change: ["110100", "Application Activity", "U"],
  activity: ["110100", "Application Activity", "E"],
  "sign-in": ["110114", "User Authentication", "E"],
}

export interface Audited {
  readonly event: AuditedEvent
  /** Milliseconds since 1970. */
  readonly at: number
  /** Status of the answer. */
  readonly status: number
  /** Name of the caller; left out when they are not known. */
  readonly user?: string | undefined
  /** How they signed in: each way has names of its own. */
  readonly by?: Caller["by"] | undefined
  /** Address at the other end of the connection. */
  readonly address?: string | undefined
  /** X-Forwarded-For as it came: what a proxy, or anybody, says. */
  readonly forwardedFor?: string | undefined
  readonly method: string
  /** Route without its parameters' values. */
  readonly route: string
  readonly studies: ReadonlyArray<string>
}

const code = (value: string, meaning: string) => ({ "csd-code": value, codeSystemName: "DCM", originalText: meaning })

/** PS3.15 §A.5.2: success, minor failure (the caller's), serious failure (ours). */
const outcome = (status: number) => (status < 400 ? 0 : status < 500 ? 4 : 8)

const source = hostname()

export const auditMessage = (access: Audited) => {
  const [id, meaning, action] = events[access.event]
  return {
    EventIdentification: {
      EventID: code(id, meaning),
      EventActionCode: action,
      EventDateTime: new Date(access.at).toISOString(),
      EventOutcomeIndicator: outcome(access.status),
      // CID 401: who could not sign in tried to log in.
      ...(access.event === "sign-in" ? { EventTypeCode: code("110122", "Login") } : {}),
    },
    ActiveParticipant: [
      {
        UserID: access.user ?? "unknown",
        UserIsRequestor: true,
        ...(access.address === undefined
          ? {}
          : // 2: an IP address
            { NetworkAccessPointID: access.address, NetworkAccessPointTypeCode: 2 }),
      },
    ],
    AuditSourceIdentification: {
      AuditSourceID: `region-gateway@${source}`,
      // 4: application server process
      AuditSourceTypeCode: 4,
    },
    ParticipantObjectIdentification: access.studies.map((study) => ({
      ParticipantObjectID: study,
      // A system object in the role of a report (PS3.15 §A.5.3, all messages about studies).
      ParticipantObjectTypeCode: 2,
      ParticipantObjectTypeCodeRole: 3,
      ParticipantObjectIDTypeCode: code("110180", "Study Instance UID"),
    })),
    request: {
      method: access.method,
      route: access.route,
      status: access.status,
      ...(access.by === undefined ? {} : { signedInBy: access.by }),
      ...(access.forwardedFor === undefined ? {} : { forwardedFor: access.forwardedFor }),
    },
  }
}
