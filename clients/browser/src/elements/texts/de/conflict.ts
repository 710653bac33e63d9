import type { conflict as english } from "../en/conflict.js";
import type { Text } from "../index.js";

export const conflict: Record<keyof typeof english, Text> = {
  "conflict.heading": "Anderswo geändert",
  "conflict.what": "„{title}“ wurde am {when} auf {device} geändert, nachdem Sie es geöffnet hatten.",
  "conflict.what-somewhere": "„{title}“ wurde am {when} anderswo geändert, nachdem Sie es geöffnet hatten.",
  "conflict.kept": "Ihre Änderungen sind auf diesem Gerät aufbewahrt.",
  "conflict.nowhere": "Ihre Änderungen sind nur auf diesem Bildschirm.",
  "conflict.compare": "Vergleichen",
  "conflict.compare.means": "Beide nebeneinander ansehen und von jeder Seite nehmen, was Sie möchten.",
  "conflict.copy": "Beide behalten",
  "conflict.copy.means": "Ihre Fassung wird eine Kopie, und Sie machen mit der anderen weiter.",
  "conflict.theirs": "Andere übernehmen",
  "conflict.theirs.means": "Sie machen mit der anderen weiter. Ihre bleibt 30 Tage auf diesem Gerät.",
  "conflict.mine": "Meine behalten",
  "conflict.mine.means": "Ihre ist die neueste Version. Die andere bleibt im Verlauf.",
  "conflict.nothing-lost": "Nichts geht verloren, wie Sie sich auch entscheiden. Sie können das auch später tun.",
  "conflict.copied": "Beide behalten: Ihre Fassung ist jetzt der Entwurf „{title}“, denn jemand anders hatte gespeichert.",
};
