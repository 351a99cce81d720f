// Debian's Orthanc with its DICOMweb plugin, on a free port and a temporary folder; absent where it is not installed.
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, openSync, closeSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { Effect, Schedule } from "effect"

const binary = ["/usr/sbin/Orthanc", "/usr/bin/Orthanc"].find(existsSync)
const plugin = ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so", "/usr/lib/orthanc/libOrthancDicomWeb.so"].find(
  existsSync,
)

export const orthancInstalled = binary !== undefined && plugin !== undefined

const freePort = Effect.callback<number, Error>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() =>
      resume(
        typeof address === "object" && address !== null
          ? Effect.succeed(address.port)
          : Effect.fail(new Error("no free port")),
      ),
    )
  })
})

/** URL of its DICOMweb service. Every stored file is fsynced (SyncStorageArea); nothing else differs from Debian's defaults but port and folder. */
export const startOrthanc = (dir: string) =>
  Effect.gen(function* () {
    const port = yield* freePort
    mkdirSync(dir, { recursive: true })
    const configuration = join(dir, "orthanc.json")
    writeFileSync(
      configuration,
      JSON.stringify({
        Name: "bench",
        StorageDirectory: join(dir, "storage"),
        IndexDirectory: join(dir, "storage"),
        Plugins: [plugin],
        HttpPort: port,
        DicomServerEnabled: false,
        RemoteAccessAllowed: false,
        AuthenticationEnabled: false,
        SyncStorageArea: true,
        DicomWeb: { Enable: true, Root: "/dicom-web/" },
      }),
    )
    const log = openSync(join(dir, "orthanc.log"), "a")
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(binary ?? "Orthanc", [configuration], { stdio: ["ignore", log, log] })),
      (child) =>
        Effect.callback<void>((resume) => {
          if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.kill("SIGTERM")
        }).pipe(
          Effect.timeoutOrElse({ duration: "20 seconds", orElse: () => Effect.sync(() => void child.kill("SIGKILL")) }),
        ),
    )
    closeSync(log)
    const url = `http://127.0.0.1:${port}/dicom-web`
    yield* Effect.tryPromise(() => fetch(`${url}/studies?limit=1`)).pipe(
      Effect.filterOrFail((response) => response.status < 500),
      Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 200 }),
    )
    return { url, pid: child.pid ?? 0 }
  })
