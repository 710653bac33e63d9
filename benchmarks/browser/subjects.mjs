// Three ways to keep a text in the browser while it is edited. Each has `edit`, which changes it in one place and
// tells the library, and `kept`, which resolves when the browser's storage has the edit.

import { set } from "idb-keyval";
import { IndexeddbPersistence } from "y-indexeddb";
import * as Y from "yjs";

const spliced = (text, at) => text.slice(0, at) + "x" + text.slice(at);

async function savepoint(text) {
  const { connect } = await import("/api/client/savepoint.js");
  const server = connect({ baseUrl: "/api/persistence" });
  let shown = "";
  const doc = await server.open({ serialize: () => shown, apply: () => undefined, wait: 3_600_000, maxWait: 3_600_000 });
  shown = text;
  doc.changed();
  await doc.flush();
  return {
    edit(at) {
      shown = spliced(shown, at);
      doc.changed();
    },
    kept: () => new Promise((done) => {
      const stop = doc.subscribe(({ safe }) => {
        if (safe === "device") queueMicrotask(() => { stop(); done(); });
      });
    }),
    send: () => doc.flush(),
  };
}

async function yjs(text) {
  const doc = new Y.Doc();
  const content = doc.getText("content");
  const persistence = new IndexeddbPersistence(`bench-${Math.random()}`, doc);
  await persistence.whenSynced;
  content.insert(0, text);
  let bytes = 0;
  doc.on("update", (update) => { bytes = update.length; });
  const written = () => new Promise((done) => {
    // It tells nothing. Transactions on a store are in order, so one that reads comes after those that write.
    const read = persistence.db.transaction(["updates"], "readonly").objectStore("updates").count();
    read.onsuccess = () => done();
  });
  await written();
  return { edit: (at) => content.insert(at, "x"), kept: written, sent: () => bytes };
}

async function idbKeyval(text) {
  let shown = text;
  let writing;
  await set("bench", shown);
  return {
    edit(at) {
      shown = spliced(shown, at);
      writing = set("bench", shown);
    },
    kept: () => writing,
    sent: () => new TextEncoder().encode(shown).length,
  };
}

/** Returns the longest time in which nothing else could run, in ms, until a promise is done. */
async function longestTask(work) {
  const { port1, port2 } = new MessageChannel();
  let longest = 0;
  let before = performance.now();
  let isOver = false;
  port1.onmessage = () => {
    const now = performance.now();
    longest = Math.max(longest, now - before);
    before = now;
    if (!isOver) port2.postMessage(null);
  };
  port2.postMessage(null);
  before = performance.now();
  await work();
  await new Promise((done) => setTimeout(done, 20));
  isOver = true;
  return longest;
}

function turn(visibility) {
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => visibility });
  document.dispatchEvent(new Event("visibilitychange"));
}

const SUBJECTS = { savepoint, "y-indexeddb": yjs, "idb-keyval": idbKeyval };

/** Returns a figure of each kind for each edit. */
globalThis.measure = async (name, text, edits) => {
  const subject = await SUBJECTS[name](text);
  const figures = { edit: [], task: [], hide: [], sent: [] };
  for (let each = 0; each < edits; each++) {
    const at = Math.floor((text.length * (each + 1)) / (edits + 2));
    figures.task.push(await longestTask(async () => {
      const before = performance.now();
      subject.edit(at);
      figures.edit.push(performance.now() - before);
      await subject.kept();
    }));
    globalThis.sent = 0;
    await subject.send?.();
    figures.sent.push(subject.sent ? subject.sent() : await globalThis.sentBytes());
    subject.edit(at);
    await subject.kept();
    figures.hide.push(await longestTask(async () => {
      turn("hidden");
      await new Promise((done) => setTimeout(done, 200));
    }));
    turn("visible");
    await subject.send?.();
  }
  return figures;
};
