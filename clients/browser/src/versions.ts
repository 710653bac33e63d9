/** Versions of an app's format: a saved value is migrated, validated and repaired. */

/** A validator, see https://standardschema.dev. It must not be asynchronous. */
export interface StandardSchema {
  readonly "~standard": {
    readonly validate: (value: unknown) => unknown;
  };
}

export interface VersionsOptions<T> {
  /** Checks a value of the newest version. A function returns true, or false, or says in words what is wrong. */
  validate?: StandardSchema | ((value: unknown) => boolean | string);
  /** Makes a valid value of one that is not. May throw if that cannot be done. */
  repair?: (value: unknown, why: string) => T;
}

/** What was read, and how. */
export interface Read<T> {
  readonly value: T;
  /** The version that was saved. */
  readonly from: number;
  /** What was wrong and is repaired. */
  readonly repaired: string | undefined;
}

export interface Versions<T> {
  /** The newest version. */
  readonly newest: number;
  /** Migrates, validates and repairs. Throws an Error that says why if the value cannot be used. */
  read(saved: unknown, from: number): Read<T>;
}

/** Returns the versions of a format. `migrations[3]` makes a value of version 3 of one of version 2. */
export function versions<T = unknown>(
  migrations: Readonly<Record<number, (old: any) => unknown>> = {},
  { validate, repair }: VersionsOptions<T> = {},
): Versions<T> {
  const newest = Math.max(1, ...Object.keys(migrations).map(Number));
  return {
    newest,
    read(saved, from) {
      if (from > newest) throw new Error(`saved by version ${from}, and this is ${newest}`);
      let value = saved;
      for (let next = from + 1; next <= newest; next++) {
        const migrate = migrations[next];
        if (migrate) value = migrate(value);
      }
      let [checked, why] = check(validate, value);
      if (why === undefined) return { value: checked as T, from, repaired: undefined };
      if (!repair) throw new Error(why);
      const repaired = why;
      [checked, why] = check(validate, repair(value, why));
      if (why !== undefined) throw new Error(why);
      return { value: checked as T, from, repaired };
    },
  };
}

/** Returns the value, which a validator may have changed, and what is wrong. */
function check(by: VersionsOptions<unknown>["validate"], value: unknown): [unknown, string?] {
  if (!by) return [value];
  if (typeof by === "function" && !("~standard" in by)) {
    const found = by(value);
    return found === true ? [value] : [value, found || "is not valid"];
  }
  const result = (by as StandardSchema)["~standard"].validate(value) as {
    value?: unknown;
    issues?: readonly { message: string; path?: readonly unknown[] }[];
  };
  if (result instanceof Promise) throw new TypeError("The validator is asynchronous.");
  const [issue] = result.issues ?? [];
  if (!result.issues) return [result.value];
  const path = issue?.path?.map((one) => (one as { key?: unknown })?.key ?? one).join(".");
  return [value, issue ? (path ? `${path}: ${issue.message}` : issue.message) : "is not valid"];
}
