//go:build race

package verify_test

// The race detector makes pools forget at random.
const forgotten = 4
