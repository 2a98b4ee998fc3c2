// Whether the emulator answers. The lamp in the bar says so on pages that follow what happens.
let answering;
const callbacks = [];

/** Call back when the emulator answers again. */
export function onReconnect(callback) {
  callbacks.push(callback);
}

export function reportAnswer(answers) {
  if (answers === answering) return;
  const wasLost = answering === false;
  answering = answers;
  const lamp = document.getElementById("lamp");
  if (lamp) showState(lamp);
  if (wasLost) for (const callback of callbacks) callback();
}

function showState(lamp) {
  lamp.hidden = false;
  lamp.dataset.state = answering ? "connected" : "lost";
  const since = lamp.querySelector("time");
  since.textContent = answering ? "" : new Date().toTimeString().slice(0, 8);
}
