package oauth

// AuthorizationParams lets the tests hold the list against what is read.
var AuthorizationParams = authorizationParams[:]
