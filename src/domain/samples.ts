// Stored values of one frame or volume, in native byte order.

/** Whatever BitsAllocated and PixelRepresentation (PS3.3 §C.7.6.3) or the float pixel data ask for. */
export type Samples =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
