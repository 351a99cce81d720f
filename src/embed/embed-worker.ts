// The embedding threads' module: one session each, opened by the first task.
import { move, transferableSymbol, valueSymbol } from "piscina"
import { workerData } from "node:worker_threads"
import type { Embedding } from "../domain/slice.ts"
import { runInBackground } from "../workers/background.ts"
import { openSession, type Session, type SessionModel } from "./session.ts"

runInBackground()

let session: Promise<Session> | undefined
const open = (): Promise<Session> => (session ??= openSession(workerData as SessionModel))

/** Batched outputs share no memory, so each is transferred whole. */
const moved = (embeddings: ReadonlyArray<Embedding>): ReadonlyArray<Embedding> =>
  move({
    [transferableSymbol]: embeddings.flatMap(({ vector, locals }) => [vector.buffer, locals.buffer]),
    [valueSymbol]: embeddings,
  }) as unknown as ReadonlyArray<Embedding>

export const embed = async (images: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<Embedding>> =>
  moved(await (await open()).embed(images))

/** Two different pictures through the model: opens the session and shows that it does what the preset says. */
export const probe = async (size: number): Promise<ReadonlyArray<Embedding>> =>
  embed([probeImage(size, 1), probeImage(size, 3)])

const probeImage = (size: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: size * size * 3 }, (_, i) => (i * seed + (i >> 7) * 11) & 255)
