// The worklist on SQLite: its own file beside the ledger's, with the same promises.
import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { makeDurableFolder } from "../disk/durable-folder.ts"
import { noteStudies } from "../domain/access-record.ts"
import { CurrentCaller, internal } from "../domain/caller.ts"
import type { DicomJson } from "../domain/instance.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { openDatabase } from "../ledger/open-database.ts"
import { makeScrub } from "../ledger/scrub.ts"
import { makeTurns } from "../ledger/search-turns.ts"
import { ledgerError, makeWriter } from "../ledger/writer.ts"
import { makeChannels } from "./channels.ts"
import { makeEventQueue } from "./event-queue.ts"
import { scpStatus } from "./event-reports.ts"
import { makeItems, type Outcome } from "./items.ts"
import { makeOwnItems } from "./own-items.ts"
import { makeRetention } from "./retention.ts"
import { migrations } from "./schema.ts"
import { makeSearch } from "./search.ts"
import { makeSubscriptions } from "./subscriptions.ts"
import { filteredSubscription, globalSubscription, itemsOf, tags, textOf } from "./tags.ts"
import { viewOf } from "./visibility.ts"
import { type Granted, type Subscription, Worklist, WorkitemRefused } from "./Worklist.ts"

const isGranted = (code: Outcome["code"]): code is Granted => code === "0000" || code === "B304" || code === "B306"

/** The code of what was granted; fails with that of a refusal. */
const granted = ({ code, detail }: Outcome): Effect.Effect<Granted, WorkitemRefused> =>
  isGranted(code)
    ? Effect.succeed(code)
    : Effect.fail(new WorkitemRefused({ code, ...(detail === undefined ? {} : { detail }) }))

const busy: Outcome = { code: "busy" }
const isGlobal = (target: string) => target === globalSubscription || target === filteredSubscription

/** The study that an item is about: named by itself, by the request, or by its input. */
const studyOf = (attributes: DicomJson): string =>
  [
    attributes,
    ...itemsOf(attributes, tags.ReferencedRequestSequence),
    ...itemsOf(attributes, tags.InputInformationSequence),
  ]
    .map((item) => textOf(item, tags.StudyInstanceUID))
    .find((uid) => uid !== "") ?? ""

/** The audit log is told whose studies the answer names. */
const noting = <A, E, R>(effect: Effect.Effect<A, E, R>, given: (value: A) => ReadonlyArray<DicomJson>) =>
  Effect.tap(effect, (value) =>
    noteStudies(
      given(value)
        .map(studyOf)
        .filter((uid) => uid !== ""),
    ),
  )

const make = Effect.fnUntraced(function* (path: string) {
  const ledger = yield* Ledger
  const db = yield* Effect.acquireRelease(
    Effect.try({ try: () => openDatabase(path, migrations), catch: ledgerError }),
    (db) => Effect.sync(() => db.close()),
  )
  const writer = makeWriter(db)
  const queue = makeEventQueue(db)
  const subscriptions = makeSubscriptions(db, queue)
  const items = makeItems(db, subscriptions)
  const retention = makeRetention(db)
  const own = makeOwnItems(db, items, retention)
  const search = makeSearch(db)
  const inTurns = makeTurns()
  const channels = makeChannels()
  const scrub = makeScrub(db, path, () => true)
  const due = Effect.sync(scrub.due)

  const read = <A>(query: (view: string) => A) =>
    Effect.flatMap(CurrentCaller, (caller) => Effect.try({ try: () => query(viewOf(caller)), catch: ledgerError }))
  /** What it queued for subscribers is told once it is on disk. */
  const write = <A>(job: (now: number, view: string) => A) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const view = viewOf(yield* CurrentCaller)
      const result = yield* writer.write(() => job(now, view))
      yield* Effect.sync(() => channels.wake(queue.takeWoken()))
      return result
    })
  const request = (job: (now: number, view: string) => Outcome) => Effect.flatMap(write(job), granted)

  yield* write((now) => queue.announce(scpStatus("RESTARTED"), now))

  const subscribe = ({ target, AE, deletionLock, filter }: Subscription, now: number, view: string): Outcome => {
    const item = isGlobal(target) ? undefined : items.get(target, view)
    if (item === undefined && !isGlobal(target)) return items.absent(target, view)
    const subscriber = queue.subscriberOrNew(AE, view)
    if (subscriber === undefined) return busy
    if (item !== undefined) subscriptions.toItem(subscriber, item, deletionLock, now)
    else if (!subscriptions.toAll(subscriber, view, filter, deletionLock, now)) return busy
    return { code: "0000" }
  }

  const unsubscribe = (target: string, AE: string, view: string): Outcome => {
    const subscriber = queue.subscriber(AE, view)
    if (target === globalSubscription || target === filteredSubscription) {
      const had = subscriber !== undefined && subscriptions.fromAll(subscriber, target)
      return had ? { code: "0000" } : { code: "C307" }
    }
    const item = items.get(target, view)
    if (item === undefined) return items.absent(target, view)
    const had = subscriber !== undefined && subscriptions.fromItem(subscriber, item.sequence)
    return had ? { code: "0000" } : { code: "C307" }
  }

  const suspend = (target: string, AE: string, view: string): Outcome => {
    const subscriber = queue.subscriber(AE, view)
    const had =
      subscriber !== undefined &&
      (target === globalSubscription || target === filteredSubscription) &&
      subscriptions.suspend(subscriber, target)
    return had ? { code: "0000" } : { code: "C307" }
  }

  const open = Effect.fnUntraced(function* (AE: string, wake: () => void) {
    const subscriber = yield* write((_now, view) => queue.subscriberOrNew(AE, view))
    const channel = subscriber === undefined ? undefined : channels.add(subscriber, wake)
    if (subscriber === undefined || channel === undefined) return yield* new WorkitemRefused({ code: "busy" })
    yield* Effect.addFinalizer(() => Effect.sync(() => channels.remove(subscriber, channel)))
    return {
      next: (last: number, limit: number) => read(() => queue.next(subscriber, last, limit)),
      delivered: (last: number) => {
        channel.delivered = last
        // Lost in a power cut, they are sent again.
        return writer.note(() => queue.delivered(subscriber, channels.deliveredByAll(subscriber)))
      },
    }
  })

  return Worklist.of({
    create: Effect.fnUntraced(function* (uid, attributes) {
      const study = studyOf(attributes)
      // Asked as the gateway: the creator need not see the study, and is not told whether it is there.
      const found =
        study === ""
          ? Option.none()
          : yield* ledger.studyOverview(study as StudyInstanceUID).pipe(Effect.provideService(CurrentCaller, internal))
      const owner = {
        origin: (yield* CurrentCaller).origin,
        ...(study === "" ? {} : { StudyInstanceUID: study }),
        ...(Option.isSome(found) ? { studyOrigin: found.value.origin } : {}),
      }
      const outcome = yield* write((now) => items.create(uid, attributes, owner, now))
      yield* granted(outcome)
      return { modified: outcome.modified === true }
    }),
    retrieve: (uid) =>
      Effect.flatMap(
        noting(
          read((view) => items.get(uid, view) ?? items.absent(uid, view)),
          (found) => ("attributes" in found ? [found.attributes] : []),
        ),
        (found) => ("attributes" in found ? Effect.succeed(found.attributes) : Effect.as(granted(found), {})),
      ),
    search: (query) =>
      noting(
        Effect.flatMap(CurrentCaller, (caller) => inTurns(search(query, viewOf(caller)))),
        ({ matches }) => matches,
      ),
    update: (uid, lock, changes) => Effect.asVoid(request((now, view) => items.update(uid, lock, changes, view, now))),
    changeState: (uid, state, lock) => request((now, view) => items.change(uid, state, lock, view, now)),
    requestCancel: (uid, AE, reason) => request((now, view) => items.requestCancel(uid, AE, reason, view, now)),
    subscribe: (subscription) => Effect.asVoid(request((now, view) => subscribe(subscription, now, view))),
    unsubscribe: (target, AE) => Effect.asVoid(request((_now, view) => unsubscribe(target, AE, view))),
    suspend: (target, AE) => Effect.asVoid(request((_now, view) => suspend(target, AE, view))),
    open,
    putOwn: (item, performing) => write((now) => own.put(item, performing, now)),
    ownState: (subject) => read(() => own.state(subject)),
    running: read(own.running),
    reportOwn: (uid, changes) => write((now) => own.report(uid, changes, now)),
    completeOwn: (uid, changes) => write((now) => own.complete(uid, changes, now)),
    studyArrived: (study, origin) => write(() => own.arrived(study, origin)),
    studyDeleted: (study) =>
      Effect.tap(
        write((now) => own.forget(study, now)),
        due,
      ),
    studyCorrected: (study, attributes) =>
      Effect.tap(
        write(() => own.correct(study, attributes)),
        due,
      ),
    about: (study) => read((view) => own.about(study, view)),
    scrub: read(scrub.run),
    purge: (keepMillis) =>
      Effect.tap(
        write((now) => {
          queue.prune(now, channels.connected())
          return retention.pass(keepMillis, now)
        }),
        (purged) => (purged > 0 ? due : Effect.void),
      ),
  })
})

/** In `dir`/worklist.db. Needs Ledger. */
export const layer = ({ dir }: { readonly dir: string }) =>
  Layer.effect(
    Worklist,
    Effect.suspend(() => {
      makeDurableFolder(dir)
      return make(join(dir, "worklist.db"))
    }),
  )

/** For tests: gone with its scope. */
export const layerMemory = Layer.effect(Worklist, make(":memory:"))
