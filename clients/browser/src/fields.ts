/** The fields of a form: which are kept, what they hold, and how they are filled again. */

import { harmless } from "./formatted.js";

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
const NEVER = /^(hidden|file|submit|button|image|reset)$/;
const SECRET = /(^|\s)(off|one-time-code|current-password|new-password|cc-[a-z-]+)(\s|$)/i;

const SECRET_NAME = /(?<!com|by)pass(?!e|i|ag|po)|pwd|(?<![hop])otp|cvc|cvv/i;
/** Fields that were passwords once: a button that shows what was typed changes the type. */
const passwords = new WeakSet<Node>();

new MutationObserver((changes) => {
  for (const { oldValue, target } of changes) if (/^password$/i.test(oldValue ?? "")) passwords.add(target);
}).observe(document, { subtree: true, attributeFilter: ["type"], attributeOldValue: true });

function isSecret(form: HTMLFormElement, field: Field): boolean {
  if (field.type === "password") passwords.add(field);
  const autocomplete = field.getAttribute("autocomplete") ?? form.getAttribute("autocomplete") ?? "";
  return passwords.has(field) || SECRET.test(autocomplete) || SECRET_NAME.test(nameOf(field));
}

const nameOf = (field: Field): string => field.getAttribute("name") || field.id;
const allOf = (form: HTMLFormElement): Set<Field> =>
  new Set([...(form.elements as Iterable<any>), ...form.querySelectorAll<Field>(FIELDS)]);

/** Returns the values without those of fields that are secret by now. */
export function withoutSecrets(form: HTMLFormElement, values: Values): Values {
  const secret = [...allOf(form)].filter((field) => nameOf(field) && isSecret(form, field)).map(nameOf);
  const isOpen = ([key]: [string, unknown]): boolean => !secret.some((name) => key.startsWith(`${name}:`));
  return Object.fromEntries(Object.entries(values).filter(isOpen));
}

/** Returns the fields of a form with their keys, in the order of the page. */
export function fieldsOf(form: HTMLFormElement): Map<string, Field> {
  const found = new Map<string, Field>();
  const places = new Map<string, number>();
  for (const field of allOf(form)) {
    const isField = field.matches(FIELDS) || (field.constructor as { formAssociated?: boolean }).formAssociated;
    if (!isField || isSecret(form, field)) continue;
    if (field.closest("[data-savepoint-skip]") || NEVER.test(field.type ?? "")) continue;
    const isChoice = field.type === "radio" || field.type === "checkbox";
    const name = [nameOf(field), field.type ?? field.localName, isChoice && field.value].join(":");
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
  } else if (field.isContentEditable) field.replaceChildren(...harmless(String(value)));
  else field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
