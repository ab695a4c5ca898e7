package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"

	"github.com/assent-id/assent/sdk/assent"
)

// devProfile is where `assent dev` writes the profile of its demo agent.
const devProfile = "data/agent.json"

// A profile is an application's way in, kept in a file of mode 0600.
type profile struct {
	Issuer       string          `json:"issuer"`
	ClientID     string          `json:"client_id"`
	ClientKey    json.RawMessage `json:"client_key,omitempty"` // private JWK
	ClientSecret string          `json:"client_secret,omitempty"`
	Person       string          `json:"person,omitempty"` // who is asked where nobody is named
}

func readProfile(name string) (profile, error) {
	text, err := readSecret(name)
	if err != nil {
		return profile{}, fmt.Errorf("profile: %w", err)
	}
	var pr profile
	if err := json.Unmarshal(text, &pr); err != nil {
		return profile{}, fmt.Errorf("profile %s: %w", name, err)
	}
	return pr, nil
}

// findDevProfile looks for the profile of a server that runs in this folder.
// Only a loopback issuer counts: a file that somebody put into a folder must
// not choose the server that is asked whether a command may run.
func findDevProfile() (profile, bool, error) {
	pr, err := readProfile(devProfile)
	if errors.Is(err, fs.ErrNotExist) {
		return profile{}, false, nil
	}
	if err != nil {
		return profile{}, false, err
	}
	if !isLoopbackURL(pr.Issuer) {
		return profile{}, false, fmt.Errorf("%s is not of a server on this machine; name it with --profile if you mean it", devProfile)
	}
	return pr, true, nil
}

func isLoopbackURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

// clientFlags say which application asks.
type clientFlags struct {
	Profile          string `help:"File with issuer, client id and key (also ASSENT_PROFILE). Without --issuer, ./data/agent.json of assent dev is used." placeholder:"FILE" type:"path"`
	Issuer           string `help:"Issuer of the realm." placeholder:"URL"`
	ClientID         string `name:"client-id" help:"Which application asks." placeholder:"ID"`
	ClientSecretFile string `help:"File with the client secret (or ASSENT_CLIENT_SECRET)." placeholder:"FILE" type:"path"`
	ClientKeyFile    string `help:"File with the client's private JWK." placeholder:"FILE" type:"path"`
}

var errNoClient = usage("which server, and who asks? Give --profile FILE, or --issuer URL and --client-id ID with " +
	"--client-key-file FILE, --client-secret-file FILE or ASSENT_CLIENT_SECRET; or start `assent dev` in this folder")

// config finds the application. note is what to tell the person at the terminal.
func (f clientFlags) config(p *program) (pr profile, note string, err error) {
	switch {
	case f.Profile != "" && (f.Issuer != "" || f.ClientID != ""):
		return pr, "", usage("give --profile, or --issuer and --client-id, not both")
	case f.Profile != "":
		pr, err = readProfile(f.Profile)
	case f.Issuer != "":
		pr, err = f.explicit(p)
	default:
		var found bool
		pr, found, err = findDevProfile()
		if err == nil && !found {
			err = errNoClient
		}
		note = "using " + devProfile
	}
	return pr, note, err
}

func (f clientFlags) explicit(p *program) (profile, error) {
	pr := profile{Issuer: f.Issuer, ClientID: f.ClientID, ClientSecret: p.env["ASSENT_CLIENT_SECRET"]}
	if f.ClientID == "" {
		return pr, errNoClient
	}
	if f.ClientSecretFile != "" {
		text, err := os.ReadFile(f.ClientSecretFile)
		if err != nil {
			return pr, fmt.Errorf("read the client secret: %w", err)
		}
		pr.ClientSecret = trimLine(string(text))
	}
	if f.ClientKeyFile != "" {
		text, err := readSecret(f.ClientKeyFile)
		if err != nil {
			return pr, fmt.Errorf("read the client key: %w", err)
		}
		pr.ClientKey = text
		pr.ClientSecret = ""
	}
	if pr.ClientSecret == "" && pr.ClientKey == nil {
		return pr, errNoClient
	}
	return pr, nil
}

// client is the SDK's configuration for this profile.
func (pr profile) client() assent.Config {
	return assent.Config{Issuer: pr.Issuer, ClientID: pr.ClientID, ClientSecret: pr.ClientSecret, Key: pr.ClientKey}
}

func (pr profile) write(name string) error {
	text, err := json.MarshalIndent(pr, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(name, append(text, '\n'), 0o600)
}
