/** The parts of the module that are files of their own. */

/** Returns what loads a part, once. Another try has another URL: Firefox and Safari remember that an import failed. */
export function loader<T, U>(url: string, first: () => Promise<T>, use: (part: T) => U): () => Promise<U> {
  let tries = 0;
  let loading: Promise<U> | undefined;
  return () =>
    (loading ??= (tries++ ? import(`${url}?${tries}`) : first()).then(use, (error: unknown) => {
      loading = undefined;
      throw error;
    }));
}
