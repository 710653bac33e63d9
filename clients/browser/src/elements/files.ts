/** Files that a person gets from the page. */

/** Lets the browser download a text. */
export function download(name: string, text: string, type = ""): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name.replace(/[\\/:*?"<>|\u0000-\u001f]/g, "_");
  link.click();
  // Browsers read it a moment later.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Returns a name for a file with a text: JSON if it is. */
export function fileName(title: string, text: string): string {
  return `${title || "document"}.${/^\s*[{[]/.test(text) ? "json" : "txt"}`;
}

export const sizeOf = (text: string): number => new Blob([text]).size;
