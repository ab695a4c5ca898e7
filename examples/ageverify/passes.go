package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/assent-id/assent/examples/ageverify/pass"
)

// keygen makes a key in a new file, and adds its public half to the file that
// shops and the API have.
func keygen(_ context.Context, p program, args []string) error {
	f := p.flags("keygen")
	out := f.String("out", "", "new `FILE` for the key; it is a secret")
	public := f.String("public", "", "`FILE` of public keys that the new one is added to; made if it is not there")
	id := f.Uint("id", 1, "number of the key, 0 to 65535; a number is never used again")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *out == "" || *public == "" || *id > 1<<16-1 {
		return errors.New("keygen needs --out, --public and an --id below 65536")
	}
	keys, err := publicKeys(*public)
	if err != nil {
		return err
	}
	if keys[uint16(*id)] != nil {
		return fmt.Errorf("%s has a key %d already: choose another --id", *public, *id)
	}
	key, err := pass.GenerateKey(uint16(*id))
	if err != nil {
		return err
	}
	if err := writeKey(*out, key); err != nil {
		return err
	}
	keys[key.ID] = key.Public
	return writeKeys(*public, keys)
}

// publicKeys reads the set that a key is added to; none is an empty one.
func publicKeys(file string) (pass.Keys, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return make(pass.Keys), nil
	}
	if err != nil {
		return nil, err
	}
	return pass.ParseKeys(text)
}

// writeKey never replaces a file: a key that is lost cannot be made again.
func writeKey(file string, key *pass.PrivateKey) error {
	text, err := json.Marshal(key)
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	w, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return errors.Join(err, w.Sync(), w.Close())
}

// writeKeys replaces the file in one step: shops may be reading it.
func writeKeys(file string, keys pass.Keys) error {
	text, err := json.Marshal(keys)
	if err != nil {
		return fmt.Errorf("write the public keys: %w", err)
	}
	if err := os.WriteFile(file+".new", append(text, '\n'), 0o644); err != nil { //nolint:gosec // G306: public keys are for everybody.
		return err
	}
	return os.Rename(file+".new", file)
}

// issue prints a pass for somebody whose papers were seen.
func issue(_ context.Context, p program, args []string) error {
	f := p.flags("issue")
	file := f.String("key", "", "`FILE` with the key")
	over := f.Int("over", -1, "age in `YEARS` that the holder has reached today; the pass says no more than that")
	born := f.String("born-by", "", "or `DATE` (2006-01-02): the holder was born on it or before")
	valid := f.Duration("valid", 24*time.Hour, "how long the pass is good, in whole seconds")
	latin1 := f.Bool("latin1", false, "print the legacy form, as a JSON string")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	by, err := threshold(*over, *born)
	if err != nil {
		return err
	}
	if *valid < time.Second {
		return errors.New("--valid must be at least a second")
	}
	text, err := os.ReadFile(*file)
	if err != nil {
		return fmt.Errorf("--key: %w", err)
	}
	key, err := pass.ParsePrivateKey(text)
	if err != nil {
		return err
	}
	b, err := key.Issue(pass.Pass{BornBy: by, Expires: time.Now().Add(*valid).Truncate(time.Second)})
	if err != nil {
		return err
	}
	if !*latin1 {
		fmt.Fprintln(p.stdout, pass.Base64(b))
		return nil
	}
	return json.NewEncoder(p.stdout).Encode(pass.Latin1(b))
}

// threshold is the day that a pass names.
func threshold(over int, born string) (time.Time, error) {
	switch {
	case (over >= 0) == (born != ""):
		return time.Time{}, errors.New("say --over YEARS or --born-by DATE")
	case over > 150:
		return time.Time{}, errors.New("--over must be at most 150")
	case over >= 0:
		return pass.Threshold(over, time.Now()), nil
	}
	by, err := time.Parse(time.DateOnly, born)
	if err != nil {
		return by, errors.New("--born-by must be a date such as 2006-01-02")
	}
	return by, nil
}

// check says pass or fail, and exits with 0 or 1, as a shop does without a network.
func check(_ context.Context, p program, args []string) error {
	f := p.flags("check")
	file := f.String("keys", "", "`FILE` of public keys")
	age := f.Int("age", -1, "age in `YEARS` that is required")
	at := f.String("at", "", "`TIME` of the check (RFC 3339); now, if it is empty")
	if err := parse(f, args, 1); err != nil {
		return err
	}
	now := time.Now()
	if *at != "" {
		var err error
		if now, err = time.Parse(time.RFC3339, *at); err != nil {
			return errors.New("--at must be a time such as 2026-01-02T15:04:05Z")
		}
	}
	if *age < 0 || *age > 150 {
		return errors.New("--age must be between 0 and 150")
	}
	text, err := os.ReadFile(*file)
	if err != nil {
		return fmt.Errorf("--keys: %w", err)
	}
	keys, err := pass.ParseKeys(text)
	if err != nil {
		return err
	}
	b, err := readPass(p.stdin, f.Arg(0))
	if err != nil {
		return err
	}
	if _, err := keys.Check(b, *age, now); err != nil {
		fmt.Fprintf(p.stdout, "fail: %s\n", strings.TrimPrefix(err.Error(), "pass: "))
		return errNo
	}
	fmt.Fprintln(p.stdout, "pass")
	return nil
}

// readPass reads an argument; "-" is a line of standard input.
func readPass(stdin io.Reader, argument string) ([pass.Size]byte, error) {
	if argument != "-" {
		return pass.Parse(argument)
	}
	line, err := bufio.NewReader(io.LimitReader(stdin, 1024)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return [pass.Size]byte{}, fmt.Errorf("read the pass: %w", err)
	}
	return pass.Parse(strings.TrimSuffix(line, "\n"))
}
