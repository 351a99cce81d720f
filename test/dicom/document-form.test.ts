// Which form of attribute maps an Accept value gets (PS3.18 §8.7.3.2, §8.3.3.1).
import { assert, describe, it } from "@effect/vitest"
import { documentBody, documentForm, type Documents } from "../../src/dicom/document-form.ts"
import { acceptOf } from "../../src/dicom/media-type.ts"

const form = (accept: string | undefined, documents: Documents = "many") =>
  documentForm(accept, documents)?.contentType.replace(/boundary=.*/, "boundary")

const json = "application/dicom+json"
const multipart = 'multipart/related; type="application/dicom+xml"; boundary'

describe("document form", () => {
  it.each([
    [undefined, json],
    ["", json],
    ["*/*", json],
    ["application/*", json],
    ["application/dicom+json", json],
    ["Application/DICOM+JSON; charset=utf-8", json],
    ["application/json", "application/json"],
    ['multipart/related; type="application/dicom+xml"', multipart],
    ["multipart/related; type=application/dicom+xml", multipart],
    ["multipart/related;type=Application/DICOM+XML;transfer-syntax=*", multipart],
    ["multipart/related", multipart],
    ["multipart/*", multipart],
    ['application/dicom+json;q=0.1, multipart/related; type="application/dicom+xml"; q=0.9', multipart],
    ["image/png, */*;q=0.1", json],
    ["application/dicom+json;q=0, application/json", "application/json"],
    ["application/dicom+xml", undefined],
    ["image/png", undefined],
    ["application/dicom+json;q=0", undefined],
    ['multipart/related; type="application/dicom"', undefined],
  ])("%s gets %s", (accept, expected) => {
    assert.strictEqual(form(accept), expected)
  })

  it("is a document by itself where there is just one", () => {
    assert.strictEqual(form("application/dicom+xml", "one"), "application/dicom+xml")
    assert.strictEqual(form("application/dicom+xml", "object"), "application/dicom+xml")
    assert.strictEqual(documentBody(documentForm(undefined, "object")!, [{}]), "{}")
    assert.strictEqual(documentBody(documentForm(undefined, "one")!, [{}]), "[{}]")
    assert.strictEqual(documentBody(documentForm(undefined, "many")!, [{}, {}]), "[{},{}]")
  })

  it("closes each part and the whole", () => {
    const { contentType, ...rest } = documentForm("multipart/related", "many")!
    const boundary = contentType.slice(contentType.indexOf("boundary=") + "boundary=".length)
    const body = documentBody({ contentType, ...rest }, [{}, {}])
    assert.strictEqual(body.split(`--${boundary}\r\nContent-Type: application/dicom+xml\r\n\r\n`).length, 3)
    assert.isTrue(body.endsWith(`</NativeDicomModel>\r\n--${boundary}--\r\n`))
  })

  it("goes by the query parameter before the header", () => {
    const headers = { accept: "image/png" }
    assert.strictEqual(acceptOf({ url: "/studies?limit=1", headers }), "image/png")
    assert.strictEqual(acceptOf({ url: "/studies?limit=1&accept=application/dicom+json", headers }), json)
    assert.strictEqual(acceptOf({ url: "/studies?accept=application%2Fdicom%2Bjson", headers }), json)
    assert.strictEqual(acceptOf({ url: "/studies?accept=a/b&accept=c/d", headers }), "a/b,c/d")
  })
})
