package passkey

// Authenticators is the table of known AAGUIDs.
var Authenticators = authenticators
