/** The names of what is kept in the browser beside the journal, and of locks. An enum, so that the build inlines them. */
export const enum Name {
  /** In localStorage: who was signed in last. */
  Owner = "savepoint:owner",
  /** In localStorage, before the owner, the app and the key: what an app remembers. */
  State = "savepoint:state:",
  /** Before the name of a page: the lock that it holds while it lives. */
  Living = "savepoint:i:",
}
