/** The one script of the hosted pages: each page brings the form that it is about. */
import { startAccount } from "./account";
import { startBinding } from "./bind";
import { startLogout } from "./logout";
import { startSignin } from "./signin";

const signin = document.getElementById("signin");
const bind = document.getElementById("bind");
const answer = document.getElementById("form-post");
if (signin) void startSignin(signin);
if (bind) startBinding(bind);
startAccount();

const goOn = document.querySelector<HTMLAnchorElement>("#continue[data-after-frames]");
if (goOn) startLogout(goOn);
// The answer to an application: nothing is left to decide, so it goes at once. The button is for browsers without script.
if (answer instanceof HTMLFormElement) answer.submit();
