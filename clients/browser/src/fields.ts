/** The fields of a form: which are kept, what they hold, and how they are filled again. */

/** A field is found again by its name, its kind and its place among those of the same name. */
export type Values = Record<string, unknown>;

type Field = HTMLElement & {
  name?: string;
  type?: string;
  value?: unknown;
  checked?: boolean;
  options?: HTMLOptionsCollection;
};

const FIELDS = "input,select,textarea,[contenteditable]:not([contenteditable=false])";
/** Secrets, what the page sets for itself, and what does something instead of holding something. */
const NEVER = /^(password|hidden|file|submit|button|image|reset)$/;
const SECRET = /(^|\s)(off|one-time-code|current-password|new-password|cc-[a-z-]+)(\s|$)/i;

/** Returns whether a field is one that a person fills in, and that may be kept. */
function isKept(field: Field): boolean {
  if (field.closest("[data-savepoint-skip]") || NEVER.test(field.type ?? "")) return false;
  return !SECRET.test(field.getAttribute("autocomplete") ?? "");
}

/** Returns the fields of a form with their keys, in the order of the page. */
export function fieldsOf(form: HTMLFormElement): Map<string, Field> {
  const found = new Map<string, Field>();
  const places = new Map<string, number>();
  const all = new Set<Field>([...(form.elements as Iterable<any>), ...form.querySelectorAll<Field>(FIELDS)]);
  for (const field of all) {
    const isField = field.matches(FIELDS) || (field.constructor as { formAssociated?: boolean }).formAssociated;
    if (!isField || !isKept(field)) continue;
    const isChoice = field.type === "radio" || field.type === "checkbox";
    const name = [field.getAttribute("name") || field.id, field.type ?? field.localName, isChoice && field.value].join(":");
    const place = places.get(name) ?? 0;
    places.set(name, place + 1);
    found.set(place ? `${name}#${place}` : name, field);
  }
  return found;
}

/** Returns what a field holds, as JSON. */
export function valueOf(field: Field): unknown {
  if (field.type === "radio" || field.type === "checkbox") return field.checked;
  if (field.type === "select-multiple") {
    return [...(field.options ?? [])].filter(({ selected }) => selected).map(({ value }) => value);
  }
  return field.isContentEditable ? field.innerHTML : field.value;
}

/** Fills a field in, as a person does: the page hears of it. */
export function fillIn(field: Field, value: unknown): void {
  if (JSON.stringify(valueOf(field)) === JSON.stringify(value)) return;
  if (field.type === "radio" || field.type === "checkbox") field.checked = value === true;
  else if (field.type === "select-multiple") {
    for (const option of field.options ?? []) option.selected = (value as unknown[]).includes(option.value);
  } else if (field.isContentEditable) field.replaceChildren(...safe(String(value)));
  else field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Returns the nodes of formatted text, without what could run. */
function safe(html: string): ChildNode[] {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const one of body.querySelectorAll("*")) {
    if (/^(script|iframe|object|embed|style|link|meta|base)$/.test(one.localName)) one.remove();
    for (const { name, value } of [...one.attributes]) {
      if (/^on|^srcdoc$/.test(name) || /^\s*javascript:/i.test(value)) one.removeAttribute(name);
    }
  }
  return [...body.childNodes];
}
