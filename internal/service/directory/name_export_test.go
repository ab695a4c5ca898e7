package directory

// PasskeyName is the first name of a passkey.
var PasskeyName = passkeyName
