import type { usage as english } from "../en/usage.js";
import type { Text } from "../index.js";

export const usage: Record<keyof typeof english, Text> = {
  "usage.of": "{used} von {limit}",
  "usage.kept": "belegt",
  "usage.parts": "Woraus sich das zusammensetzt",
  "usage.numbers": "Anzahlen",
  "usage.current": "Aktuelle Inhalte, auch von Schnappschüssen",
  "usage.versions": "Ältere Versionen",
  "usage.trash": "Papierkorb",
  "usage.sessions": "Sitzungen",
  "usage.drafts": "Entwürfe",
  "usage.snapshots": "Schnappschüsse",
  "usage.keptBytes": "Insgesamt belegt",
  "usage.storedBytes": "Aktuelle Inhalte",
  "usage.near": "Es wird knapp.",
  "usage.full": "Die Grenze ist erreicht.",
  "usage.when-no-bytes":
    "An der Grenze wird nichts mehr gespeichert, was mehr Platz braucht: Änderungen bleiben dann nur auf Ihrem Gerät. Löschen Sie etwas und leeren Sie den Papierkorb, dann werden sie gespeichert.",
  "usage.when-no-more": "An der Grenze kommt nichts Neues hinzu. Vorhandenes lässt sich weiter öffnen, speichern und löschen.",
  "usage.largest": "Größte Dokumente",
  "usage.looked-at": "Unter den {count} zuletzt geänderten.",
  "usage.frees": "Macht frei",
  "usage.at-least": "mindestens {size}",
  "usage.frees-when": "Gelöschtes kommt in den Papierkorb. Der Platz wird frei, wenn es dort gelöscht wird.",
  "usage.none": "Noch gibt es keine Dokumente.",
};
