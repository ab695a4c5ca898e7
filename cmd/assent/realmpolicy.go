package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
)

type realmPolicyCmd struct {
	Name string `arg:"" help:"Name of the realm." default:"default"`
	Set  string `help:"Put the members of this YAML or JSON file in place of those that the policy has." placeholder:"FILE" type:"path"`
	storeFlags
}

// Run prints the policy of a realm, after changing it where a file is given.
func (c *realmPolicyCmd) Run(p *program) error {
	var patch []byte
	if c.Set != "" {
		var err error
		if patch, err = readPolicy(c.Set); err != nil {
			return fmt.Errorf("policy of %s: %w", c.Set, err)
		}
	}
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Name)
		if err != nil {
			return err
		}
		policy := site.Realm.Policy
		if patch != nil {
			var changed model.Realm
			changed, err = s.Realms.PatchPolicy(ctx, site.Realm.ID, realm.PolicyChange{Members: patch, Actor: operator})
			policy = changed.Policy
		}
		if err != nil {
			return err
		}
		return p.printJSON(policy)
	})
}

// readPolicy reads members of a policy strictly, and gives them back as JSON.
func readPolicy(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var plain map[string]any
	if err := yaml.Unmarshal(text, &plain); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(plain); err != nil {
		return nil, fmt.Errorf("only text may name a member: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var policy model.RealmPolicy
	if err := d.Decode(&policy); err != nil {
		return nil, err
	}
	return text, oauth.CheckDetailsTypes(policy.DetailsTypes)
}
