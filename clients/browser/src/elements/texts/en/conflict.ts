/** What conflicts, recovery, leaving and sizes say. */
export const conflict = {
  "conflict.heading": "Changed elsewhere",
  "conflict.what": "“{title}” was changed on {device} at {when}, after you opened it.",
  "conflict.what-somewhere": "“{title}” was changed elsewhere at {when}, after you opened it.",
  "conflict.kept": "Your changes are kept on this device.",
  "conflict.nowhere": "Your changes are only on this screen.",
  "conflict.compare": "Compare",
  "conflict.compare.means": "See both side by side, and take what you want of each.",
  "conflict.copy": "Keep both",
  "conflict.copy.means": "Yours becomes a copy, and you go on with theirs.",
  "conflict.theirs": "Use theirs",
  "conflict.theirs.means": "You go on with theirs. Yours is put aside on this device for 30 days.",
  "conflict.mine": "Keep mine",
  "conflict.mine.means": "Yours is the newest version. Theirs stays in the history.",
  "conflict.nothing-lost": "Nothing is lost, whatever you choose. You can also close this and decide later.",
  "conflict.copied": "Kept both: yours is the draft “{title}” now, because someone else had saved.",
};
