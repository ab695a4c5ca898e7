package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/assent-id/assent/sdk/evidence"
)

type verifyCmd struct {
	Evidence string `arg:"" help:"Evidence file; - reads standard input."`
	Keys     string `required:"true" help:"The realm's evidence keys: a JWKS file, or the URL ISSUER/v1/evidence/keys." placeholder:"FILE|URL"`
	Issuer   string `help:"Accept evidence of this realm alone." placeholder:"URL"`
	JSON     bool   `name:"json" help:"Print JSON."`
}

// Run checks every part of the evidence and names the first that does not
// hold.
func (c *verifyCmd) Run(p *program) error {
	document, err := p.readInput(c.Evidence)
	if err != nil {
		return fmt.Errorf("read the evidence: %w", err)
	}
	keys, err := readKeys(p.ctx, c.Keys)
	if err != nil {
		return fmt.Errorf("read the keys: %w", err)
	}
	v, err := evidence.Verify(document, keys, evidence.Options{Issuer: c.Issuer, At: time.Now()})
	if err != nil {
		return c.notValid(p, err)
	}
	if c.JSON {
		return p.printJSON(newVerifiedReport(v))
	}
	fmt.Fprintf(p.stdout, "evidence: valid\n\n")
	var t table
	describe(&t, v)
	t.print(p.stdout, "  ")
	return nil
}

func (c *verifyCmd) notValid(p *program, err error) error {
	part, reason := "evidence", err.Error()
	if e, ok := errors.AsType[*evidence.PartError](err); ok {
		part, reason = e.Part, e.Reason
	}
	if c.JSON {
		if err := p.printJSON(map[string]any{"valid": false, "part": part, "reason": reason}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(p.stdout, "evidence: NOT VALID: %s: %s\n", oneLine(part), oneLine(reason))
	}
	return &exitError{code: exitInvalid}
}

// maxInput is more than any evidence or key set needs, in bytes.
const maxInput = 4 << 20

func (p *program) readInput(name string) ([]byte, error) {
	if name == "-" {
		return readLimited(p.stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readLimited(f)
}

func readLimited(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err == nil && len(text) > maxInput {
		err = fmt.Errorf("longer than %d bytes", maxInput)
	}
	return text, err
}

func readKeys(ctx context.Context, where string) ([]byte, error) {
	if !strings.Contains(where, "://") {
		f, err := os.Open(where)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		return readLimited(f)
	}
	if !strings.HasPrefix(where, "https://") && !isLoopbackURL(where) {
		return nil, errors.New("keys must come over https, or from this machine")
	}
	return fetch(ctx, where)
}

// fetch reads a URL without following it elsewhere: the keys decide what is
// believed, so they come from where the caller said.
func fetch(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return readLimited(resp.Body)
}
