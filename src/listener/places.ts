// The places of store requests, shared by sender: who has many leaves some free for others, and gives up what stalls.
import type { IncomingMessage } from "node:http"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { mayTake } from "../workers/fair-share.ts"
import { cutBody } from "./message-body.ts"

/** While others find no place, a body that brings fewer bytes in so many milliseconds is cut. */
const stalled = { millis: 5000, bytes: 16 * 1024 }

const longestWait = 60

interface Place {
  readonly message: IncomingMessage
  readonly since: number
  /** Bytes on the connection when it was looked at last, and when. */
  seen: number
  at: number
}

export interface PlacesOptions {
  readonly total: number
}

const bytesOf = ({ socket }: IncomingMessage) => socket.bytesRead

/** Its sender is slow, not we. */
const waits = (message: IncomingMessage) => !message.readableEnded && !message.isPaused()

export const makePlaces = ({ total }: PlacesOptions) => {
  const held = new Map<string, Set<Place>>()
  let taken = 0
  /** Of the last requests. */
  let meanSeconds = 1
  /** Refused since a place last became free. */
  let refused = 0

  const stalls = (place: Place, now: number): boolean => {
    const bytes = bytesOf(place.message)
    if (bytes - place.seen >= stalled.bytes) {
      place.seen = bytes
      place.at = now
    }
    return waits(place.message) && now - place.at >= stalled.millis
  }

  /** Of the sender with most places, and more than the one who has found none. */
  const cutOne = (mine: number, now: number) => {
    const [most] = [...held.values()].toSorted((a, b) => b.size - a.size)
    if (most === undefined || most.size <= mine + 1) return
    // Each is looked at, so that the next look has something to compare with.
    const [victim] = [...most].filter((place) => stalls(place, now)).toSorted((a, b) => a.at - b.at)
    if (victim !== undefined) cutBody(victim.message)
  }

  const begin = (sender: string, message: IncomingMessage, now: number): Place | undefined => {
    const mine = held.get(sender) ?? new Set<Place>()
    if (!mayTake(total, taken, mine.size)) {
      refused++
      cutOne(mine.size, now)
      return undefined
    }
    const place: Place = { message, since: now, seen: bytesOf(message), at: now }
    held.set(sender, mine.add(place))
    taken++
    return place
  }

  const end = (sender: string, place: Place, now: number) => {
    const mine = held.get(sender)
    mine?.delete(place)
    if (mine?.size === 0) held.delete(sender)
    taken--
    refused = 0
    meanSeconds += ((now - place.since) / 1000 - meanSeconds) / 8
  }

  return {
    /** The request in a place of the sender's; `refusal` where there is none. */
    within: <A, E, R, A2>(
      sender: string,
      message: IncomingMessage,
      request: Effect.Effect<A, E, R>,
      refusal: (retryAfter: number) => Effect.Effect<A2>,
    ): Effect.Effect<A | A2, E, R> =>
      Effect.flatMap(Clock.Clock, (clock) => {
        const now = () => clock.currentTimeMillisUnsafe()
        return Effect.acquireUseRelease(
          Effect.sync(() => begin(sender, message, now())),
          (place): Effect.Effect<A | A2, E, R> =>
            place === undefined
              ? Effect.suspend(() =>
                  // About when those who were refused have all had a place.
                  refusal(Math.min(longestWait, Math.max(1, Math.ceil(meanSeconds * (refused / total))))),
                )
              : request,
          (place) => Effect.sync(() => (place === undefined ? undefined : end(sender, place, now()))),
        )
      }),
    taken: () => taken,
  }
}
