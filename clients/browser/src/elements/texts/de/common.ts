import type { common as english } from "../en/common.js";
import type { Text } from "../index.js";

export const common: Record<keyof typeof english, Text> = {
  bytes: { one: "{count} Byte", other: "{count} Byte" },
  "time.now": "gerade eben",
  "time.soon": "in weniger als einer Minute",
  cancel: "Abbrechen",
  close: "Schließen",
  untitled: "Ohne Titel",
  loading: "Wird geladen …",
  "try-again": "Erneut versuchen",
  undo: "Rückgängig",
  dismiss: "Ausblenden",
  failed: "Das hat nicht geklappt: {reason}",
  "page.range": "{from} bis {to}",
  "page.range-of": "{from} bis {to} von {count}",
  "page.next": "Nächste Seite",
  "page.previous": "Vorige Seite",
};
