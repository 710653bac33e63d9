/** Where one is, in the fragment of the address: `#/session/<id>?list=sessions&search=alley`.
 *
 * The address of an encrypted snapshot has its key: `#/snapshot/<id>/<key>`.
 */

export type List = "sessions" | "drafts" | "snapshots" | "opened" | "trash" | "activity" | "usage";

export interface Place {
  list: List;
  /** How the list is searched, sorted and paged. */
  query: Readonly<Record<string, string>>;
  /** What is shown beside it. */
  shown: { kind: "session" | "snapshot"; id: string; key?: string } | { kind: "new" | "transfer" | "nothing" };
}

const LISTS: readonly List[] = ["sessions", "drafts", "snapshots", "opened", "trash", "activity", "usage"];

/** Returns what an address says. `before` is the place until now: an address of a document alone keeps the list. */
export function placeOf(hash: string, before?: Place): Place {
  const [path = "", search = ""] = hash.replace(/^#?\/?/, "").split("?");
  const [first = "", id = "", key = ""] = path.split("/");
  const { list: named, ...query } = Object.fromEntries(new URLSearchParams(search));
  const list = LISTS.find((one) => one === (named ?? first));
  const shown: Place["shown"] =
    (first === "session" || first === "snapshot") && id
      ? { kind: first, id, ...(key ? { key } : {}) }
      : first === "new" || first === "transfer"
        ? { kind: first }
        : { kind: "nothing" };
  return list ? { list, query, shown } : { list: before?.list ?? "sessions", query: before?.query ?? {}, shown };
}

/** Returns the address of a place. */
export function addressOf({ list, query, shown }: Place): string {
  const path =
    shown.kind === "nothing"
      ? list
      : "id" in shown
        ? [shown.kind, shown.id, ...(shown.key ? [shown.key] : [])].join("/")
        : shown.kind;
  const search = new URLSearchParams(shown.kind === "nothing" ? query : { list, ...query }).toString();
  return `#/${path}${search ? `?${search}` : ""}`;
}
