package child

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// An Operator performs commands of assent in a folder, with Env beside this
// process's own environment.
type Operator struct {
	Assent string // the program
	Dir    string
	Env    []string
}

// Run performs one command and returns its standard output.
func (o Operator) Run(ctx context.Context, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, o.Assent, args...)
	command.Dir, command.Env = o.Dir, append(os.Environ(), o.Env...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("assent %s %s: %w: %.500s", args[0], args[1], err, stderr.Bytes())
	}
	return out, nil
}

// RunJSON performs one with --json and parses its answer.
func (o Operator) RunJSON(ctx context.Context, into any, args ...string) error {
	out, err := o.Run(ctx, append(args, "--json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("assent %s %s answers %.300s: %w", args[0], args[1], out, err)
	}
	return nil
}
