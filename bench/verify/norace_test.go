//go:build !race

package verify_test

const forgotten = 0
