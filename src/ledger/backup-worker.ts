// Worker module: backups are written, checked and purged beside the thread that serves.
import { runInBackground } from "../workers/background.ts"
import { type BackupJob, type InBackups, purgeBackups, writeBackup } from "./backups.ts"

runInBackground()

/** Failures travel as values: an Error loses its code between threads. */
export type BackupAnswer =
  | { readonly ok: true }
  | { readonly ok: false; readonly damaged: boolean; readonly message: string }

const attempt = (work: () => void): BackupAnswer => {
  try {
    work()
    return { ok: true }
  } catch (cause) {
    const code = cause instanceof Error && "errcode" in cause ? Number(cause.errcode) & 0xff : 0
    const message = cause instanceof Error ? cause.message : String(cause)
    // SQLITE_CORRUPT, SQLITE_NOTADB
    return { ok: false, damaged: code === 11 || code === 26, message }
  }
}

export const backup = (job: BackupJob): BackupAnswer => attempt(() => writeBackup(job))

export const purge = ({ dir, ...of }: InBackups & { readonly dir: string }): BackupAnswer =>
  attempt(() => purgeBackups(dir, of))
