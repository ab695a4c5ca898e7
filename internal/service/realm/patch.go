package realm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

var (
	// ErrPolicy: the policy contradicts itself. The message says how.
	ErrPolicy = errors.New("invalid policy")
	// ErrChanged: the realm is not the version that was meant.
	ErrChanged = errors.New("the realm was changed meanwhile")
)

// Patch is a policy with other members: those of a JSON object in place of those
// that it has, as a whole; null takes one back to its default. A member that means
// nothing is an error: it would be a switch that somebody believes to be set.
func Patch(p model.RealmPolicy, members []byte) (model.RealmPolicy, error) {
	var with map[string]json.RawMessage
	if err := json.Unmarshal(members, &with); err != nil || with == nil {
		return p, fmt.Errorf("%w: the members are no JSON object", ErrPolicy)
	}
	old, err := json.Marshal(p)
	if err != nil {
		return p, fmt.Errorf("encode policy: %w", err)
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(old, &all); err != nil {
		return p, fmt.Errorf("read policy back: %w", err)
	}
	for name, value := range with {
		if all[name] = value; string(value) == "null" {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return p, fmt.Errorf("%w: the members are no JSON", ErrPolicy)
	}
	// A new value: nothing of the old one, which others read, is written over.
	var out model.RealmPolicy
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil {
		return p, fmt.Errorf("%w: a member is unknown, or has a value of the wrong type", ErrPolicy)
	}
	return out, checkPolicy(out, p)
}

// checkPolicy refuses what would only fail later, when somebody needs it. was is the
// policy in whose place it is.
func checkPolicy(p, was model.RealmPolicy) error {
	if !slices.Contains([]model.RegistrationMode{model.RegistrationOff, model.RegistrationToken, model.RegistrationOpen}, p.Registration.Mode) {
		return fmt.Errorf("%w: registration.mode is token, open, or left out", ErrPolicy)
	}
	for _, origin := range p.RelatedOrigins {
		// Browsers compare origins to the letter; apps have some of other schemes.
		if u, err := url.Parse(origin); err != nil || u.Scheme == "" || u.Opaque == "" && (u.Host == "" || u.Scheme+"://"+u.Host != origin) {
			return fmt.Errorf("%w: related_origins are written as browsers write origins, such as https://shop.example", ErrPolicy)
		}
	}
	if p.Attestation.Mode != "" && p.Attestation.Mode != model.AttestationDirect {
		return fmt.Errorf("%w: attestation.mode is direct, or left out", ErrPolicy)
	}
	if err := p.Attestation.Rules().Check(); err != nil {
		return fmt.Errorf("%w: attestation: %w", ErrPolicy, err)
	}
	if err := checkResources(p.Resources, was.Resources); err != nil {
		return err
	}
	for _, t := range p.TrustedIssuers {
		if err := checkIssuer(t); err != nil {
			return err
		}
	}
	for name, schema := range p.DetailsTypes {
		if name == "" || !strings.HasPrefix(string(bytes.TrimSpace(schema)), "{") {
			return fmt.Errorf("%w: authorization_details_types maps names to JSON Schemas", ErrPolicy)
		}
	}
	return nil
}

func checkIssuer(t model.TrustedIssuer) error {
	switch {
	case t.Issuer == "":
		return fmt.Errorf("%w: a trusted issuer needs an issuer", ErrPolicy)
	case (t.JWKSURI == "") == (len(t.JWKS) == 0):
		return fmt.Errorf("%w: a trusted issuer has jwks_uri or jwks", ErrPolicy)
	case t.MaxLifetime < 0:
		return fmt.Errorf("%w: max_lifetime is a number of seconds", ErrPolicy)
	}
	if len(t.JWKS) > 0 {
		if _, err := jose.ParseSet(t.JWKS); err != nil {
			return fmt.Errorf("%w: jwks is no key set", ErrPolicy)
		}
	}
	return nil
}

// A PolicyChange is what somebody wants of a policy: Policy in its place, or, where
// that is nil, Members in place of some of its members.
type PolicyChange struct {
	Policy  *model.RealmPolicy
	Members []byte // see Patch
	Version int64  // that the realm must have; 0: any
	Actor   string
}

// over is the policy that comes of it.
func (c *PolicyChange) over(p model.RealmPolicy) (model.RealmPolicy, error) {
	if c.Policy != nil {
		return *c.Policy, checkPolicy(*c.Policy, p)
	}
	return Patch(p, c.Members)
}

// PatchPolicy changes the policy of a realm and returns the realm as it is then:
// ErrPolicy, ErrChanged.
func (s *Service) PatchPolicy(ctx context.Context, id model.RealmID, c PolicyChange) (model.Realm, error) {
	var after model.Realm
	var refused error
	err := s.update(ctx, id, func(r *model.Realm, now model.Millis) model.Effects {
		if refused = nil; c.Version != 0 && r.Version != c.Version {
			refused = ErrChanged
		} else {
			old := r.Policy
			r.Policy, refused = c.over(r.Policy)
			switch {
			case refused != nil:
			case r.Policy.Host != old.Host:
				refused = fmt.Errorf("%w: the realm's own host is settled when it is created", ErrPolicy)
			case r.Policy.RPID != old.RPID:
				refused = s.checkRPID(r)
			}
			if refused == nil {
				refused = s.checkServers(ctx, r, old.Resources)
			}
			if refused == nil {
				refused = s.checkApprovals(ctx, r, old.Resources)
			}
			if errors.Is(refused, ErrHasClients) { // of a part of the policy
				refused = fmt.Errorf("%w: %s", ErrPolicy, refused.Error())
			}
			settle(old.Resources, &r.Policy, now)
		}
		if refused != nil {
			return model.Effects{}
		}
		after = *r
		after.Version++
		return effects(id, "realm.policy_changed", c.Actor, now)
	})
	if refused != nil {
		return after, refused
	}
	return after, err
}

// Read is a realm as it is in the database now.
func (s *Service) Read(ctx context.Context, id model.RealmID) (model.Realm, error) {
	return s.read(ctx, id)
}
