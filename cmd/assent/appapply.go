package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/application"
)

type appApplyCmd struct {
	File string `arg:"" help:"YAML or JSON file of applications (docs/operations.md)." type:"path"`
	realmFlag
	storeFlags
}

// Run makes the realm's static applications those of the file.
func (c *appApplyCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		changes, err := applyFile(ctx, s, p.env, c.Realm, c.File)
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(changesJSON(changes))
		}
		for _, change := range changes {
			fmt.Fprintf(p.stdout, "%-10s %s\n", change.Did, change.ID)
			if change.Secret != "" {
				fmt.Fprintf(p.stdout, "           client_secret %s (shown this once)\n", change.Secret)
			}
		}
		return nil
	})
}

// applyAtStart applies a file to the default realm before the server listens.
func applyAtStart(p *program, s *server.Server, file string) error {
	if file == "" {
		return nil
	}
	changes, err := applyFile(p.ctx, s, p.env, defaultRealm, file)
	for _, c := range changes {
		if c.Secret != "" {
			fmt.Fprintf(p.stderr, "client_secret of %s, shown this once: %s\n", c.ID, c.Secret)
		}
	}
	return err
}

func changesJSON(changes []application.Change) map[string]any {
	list := make([]map[string]string, len(changes))
	for i, c := range changes {
		list[i] = map[string]string{"client_id": string(c.ID), "did": c.Did}
		if c.Secret != "" {
			list[i]["client_secret"] = c.Secret
		}
	}
	return map[string]any{"applications": list}
}

// applyFile reads a file of applications and applies it to a realm.
func applyFile(ctx context.Context, s *server.Server, env environment, realm, file string) ([]application.Change, error) {
	site, err := findRealm(ctx, s, realm)
	if err != nil {
		return nil, err
	}
	entries, err := readApplications(file)
	if err != nil {
		return nil, fmt.Errorf("applications of %s: %w", file, err)
	}
	list := make([]application.Static, len(entries))
	for i, e := range entries {
		if list[i], err = e.static(ctx, s, env, realm); err != nil {
			return nil, fmt.Errorf("applications of %s: %s: %w", file, e.ID, err)
		}
	}
	return s.Applications.Apply(ctx, site, list)
}

// An applicationEntry is one application of a file. Its settings have the names
// that dynamic registration has for them, and those of docs/operations.md.
type applicationEntry struct {
	ID         model.ClientID        `json:"id"`
	Name       string                `json:"name"`
	Kind       model.ApplicationKind `json:"kind"`
	Owner      string                `json:"owner"`
	Secret     string                `json:"secret"`      // for development
	SecretEnv  string                `json:"secret_env"`  // name of an environment variable
	SecretFile string                `json:"secret_file"` // path
	JWKS       json.RawMessage       `json:"jwks"`
	model.ApplicationSettings
}

// readApplications reads YAML, of which JSON is a part, strictly: a misspelt
// member must not be left out in silence.
func readApplications(file string) ([]applicationEntry, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := yaml.Unmarshal(text, &plain); err != nil {
		return nil, err
	}
	text, err = json.Marshal(plain)
	if err != nil {
		return nil, fmt.Errorf("only text may name a member: %w", err)
	}
	var list struct {
		Applications []applicationEntry `json:"applications"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		return nil, err
	}
	if len(list.Applications) == 0 {
		return nil, errors.New("there is no application in it")
	}
	return list.Applications, nil
}

func (e applicationEntry) static(ctx context.Context, s *server.Server, env environment, realm string) (application.Static, error) {
	st := application.Static{ID: e.ID, Name: e.Name, Kind: e.Kind, JWKS: e.JWKS, Settings: e.ApplicationSettings}
	var err error
	if st.Secret, err = e.secret(env); err != nil {
		return st, err
	}
	if e.Owner != "" {
		_, owner, err := findIdentity(ctx, s, realm, e.Owner)
		if err != nil {
			return st, err
		}
		st.OwnerID = owner.ID
	}
	return st, nil
}

// secret finds the secret where the entry says it is.
func (e applicationEntry) secret(env environment) (string, error) {
	switch {
	case e.SecretEnv != "":
		value := env[e.SecretEnv]
		if value == "" {
			return "", fmt.Errorf("the environment has no %s", e.SecretEnv)
		}
		return value, nil
	case e.SecretFile != "":
		text, err := os.ReadFile(e.SecretFile)
		if err != nil {
			return "", fmt.Errorf("read the secret: %w", err)
		}
		return strings.TrimSpace(string(text)), nil
	default:
		return e.Secret, nil
	}
}
