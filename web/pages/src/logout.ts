/**
 * Goes on to the application that asked for the sign-out, once the frames have
 * loaded that tell the other applications (OpenID Connect Front-Channel Logout
 * 1.0). The page says the same with a link, for browsers without script.
 */

/** A frame that does not answer keeps nobody longer than this. */
const patience = 3_000;

/** Makes the link of the sign-out page lead on by itself. */
export function startLogout(link: HTMLAnchorElement): void {
  const goOn = once(() => location.replace(link.href));
  // The window has loaded when its frames have.
  if (document.readyState === "complete") goOn();
  else addEventListener("load", goOn);
  setTimeout(goOn, patience);
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}
