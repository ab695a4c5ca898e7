/** The one script of the hosted pages: each page brings the form that it is about. */
import { startBinding } from "./bind";
import { startSignin } from "./signin";

const signin = document.getElementById("signin");
const bind = document.getElementById("bind");
if (signin) void startSignin(signin);
if (bind) startBinding(bind);
