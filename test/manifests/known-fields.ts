/** Every field of ours, with the type that Kubernetes gives it; `never` where Kubernetes has no such field. */
export type Known<Ours, Theirs> = Ours extends string | number | boolean
  ? Theirs
  : Ours extends readonly (infer Item)[]
    ? Theirs extends readonly (infer TheirItem)[]
      ? Known<Item, TheirItem>[]
      : never
    : { [Field in keyof Ours]: Field extends keyof Theirs ? Known<Ours[Field], Theirs[Field]> : never }
