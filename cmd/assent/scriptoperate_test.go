package main

import (
	"context"
	"errors"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assent-id/assent/internal/softperson"
)

// cmdUntil is for what a running server hears of a moment later.
func cmdUntil(ts *testscript.TestScript, _ *world, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for {
		got := 0
		err := ts.Exec(args[1], args[2:]...)
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			got = exit.ExitCode()
		} else {
			ts.Check(err)
		}
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("still exit code %d, want %d", got, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func cmdSignIn(ts *testscript.TestScript, neg bool, _ []string) {
	w := ts.Value(worldKey{}).(*world)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := w.person.SignIn(ctx)
	for !neg && err != nil && ctx.Err() == nil { // the server hears of a change a moment later
		time.Sleep(20 * time.Millisecond)
		err = w.person.SignIn(ctx)
	}
	if !neg {
		ts.Check(err)
		return
	}
	if _, refused := errors.AsType[*softperson.Problem](err); !refused {
		ts.Fatalf("want a refusal, got %v", err)
	}
}

func cmdSignedOut(ts *testscript.TestScript, w *world, _ []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_, err := w.person.List(ctx, "pending")
		if refused, ok := errors.AsType[*softperson.Problem](err); ok && refused.Status == http.StatusUnauthorized {
			return
		}
		ts.Check(err)
		time.Sleep(20 * time.Millisecond)
	}
}

func cmdCapture(ts *testscript.TestScript, _ *world, args []string) {
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("%s is not in the output", args[1])
	}
	ts.Setenv(args[0], found[1])
}
