// Debian's nginx and a gateway behind it, both configured by the files of gateway-config/examples/nginx.
import { execFileSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { freePort, running } from "./peer.fixture.ts"

const example = join(import.meta.dirname, "../../gateway-config/examples/nginx")
const main = join(import.meta.dirname, "../../src/main.ts")

/** Replaces what must be there: an example that changed is noticed. */
const substituted = (text: string, ...pairs: ReadonlyArray<readonly [from: string, to: string]>) =>
  pairs.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the example no longer holds ${from}`)
    return text.replaceAll(from, to)
  }, text)

/** A certificate for 127.0.0.1 that signs itself. */
const certificate = (dir: string) => {
  const [certificate, key] = [join(dir, "nginx.crt"), join(dir, "nginx.key")]
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
  const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate]
  execFileSync("openssl", [...args, ...subject], { stdio: "ignore" })
  return { certificate, key }
}

export interface Behind {
  /** Through nginx. */
  readonly url: string
  /** Past it. */
  readonly direct: string
  readonly key: string
  /** File of the certificate, for those who must trust it. */
  readonly certificate: string
  /** Where nginx would keep bodies that it gathers. */
  readonly bodies: string
}

export const behindNginx = Effect.fnUntraced(function* (program: string, dir: string) {
  mkdirSync(join(dir, "bodies"), { recursive: true })
  const [gatewayPort, port] = [yield* freePort, yield* freePort]
  const url = `https://127.0.0.1:${port}`
  const key = randomBytes(32).toString("base64url")
  const yaml = substituted(
    readFileSync(join(example, "gateway.yaml"), "utf8"),
    ["port: 8080", `port: ${gatewayPort}`],
    ["https://pacs.example.org", url],
    ["0".repeat(64), createHash("sha256").update(key).digest("hex")],
  )
  writeFileSync(join(dir, "gateway.yaml"), yaml)
  const direct = `http://127.0.0.1:${gatewayPort}`
  yield* running(
    process.execPath,
    [main, "serve", "--config", join(dir, "gateway.yaml"), "--data", join(dir, "data")],
    `${direct}/health/ready`,
  )
  const own = certificate(dir)
  const site = substituted(
    readFileSync(join(example, "region-gateway.conf"), "utf8"),
    ["127.0.0.1:8080", `127.0.0.1:${gatewayPort}`],
    ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
    ["/etc/nginx/tls/pacs.example.org.crt", own.certificate],
    ["/etc/nginx/tls/pacs.example.org.key", own.key],
  )
  writeFileSync(join(dir, "region-gateway.conf"), site)
  const plain = yield* freePort
  const whole = `daemon off; pid ${dir}/nginx.pid; error_log stderr warn; events {}
    http { access_log off; client_body_temp_path ${dir}/bodies; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f;
    uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s; include ${dir}/region-gateway.conf;
    server { listen 127.0.0.1:${plain}; return 204; } }`
  writeFileSync(join(dir, "nginx.conf"), whole)
  yield* running(program, ["-c", join(dir, "nginx.conf"), "-e", "stderr"], `http://127.0.0.1:${plain}/`)
  const behind: Behind = { url, direct, key, certificate: own.certificate, bodies: join(dir, "bodies") }
  return behind
})
