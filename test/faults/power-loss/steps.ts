// What a process did to the disk and said to others, in the order in which it was seen: every call begins and may end.

/** Paths are relative to the folder that is watched. */
export type Operation =
  | { readonly _tag: "Create"; readonly path: string }
  | { readonly _tag: "Resize"; readonly path: string; readonly size: number }
  /** No offset: at the end of what is there. */
  | { readonly _tag: "Write"; readonly path: string; readonly offset: number | undefined; readonly bytes: Buffer }
  /** Of a file or of a folder. */
  | { readonly _tag: "Sync"; readonly path: string }
  | { readonly _tag: "Rename"; readonly from: string; readonly to: string }
  | { readonly _tag: "Link"; readonly from: string; readonly to: string }
  | { readonly _tag: "Remove"; readonly path: string }
  | { readonly _tag: "MakeFolder"; readonly path: string }

export type Message =
  /** A caller's connection, known by its port; one request each. */
  | { readonly _tag: "Connected"; readonly port: number }
  | { readonly _tag: "Answered"; readonly port: number; readonly status: number }
  /** Handed to the broker. */
  | { readonly _tag: "Published"; readonly msgID: string }
  /** The broker was told that a delivery is dealt with; `sequence` of the stream. */
  | { readonly _tag: "Acknowledged"; readonly stream: string; readonly consumer: string; readonly sequence: number }

/**
 * Between `began` and `ended` an operation may or may not have happened. A call that a kill cut short never ends. A
 * message counts from the moment it is given to the kernel.
 */
export type Step =
  | { readonly at: "began" | "ended"; readonly operation: Operation }
  | { readonly at: "said"; readonly message: Message }
