package oauth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A refresh token says which grant it is of and which number it has, and proves
// with a MAC under a secret of the realm that we said so:
//
//	rt_{grant}.{number}.{MAC}
//
// Nothing of it is stored but the number in the grant's row, and the successor of
// a token is always the same text, whichever node makes it and however often. It
// is bound to realm and client by what is under the MAC.
type refreshRef struct {
	Grant  model.GrantID
	Number int64
}

const refreshPrefix = "rt_"

var errRefreshToken = errors.New("not a refresh token of this client")

// refreshToken writes the token of one number of a grant.
func (e *Engine) refreshToken(ctx context.Context, site *model.Site, client model.ClientID, r refreshRef) (string, error) {
	body := strings.TrimPrefix(string(r.Grant), "grt_") + "." + strconv.FormatInt(r.Number, 10)
	mac, err := e.refreshMAC(ctx, site, client, body)
	if err != nil {
		return "", err
	}
	return refreshPrefix + body + "." + base64.RawURLEncoding.EncodeToString(mac), nil
}

func (e *Engine) refreshMAC(ctx context.Context, site *model.Site, client model.ClientID, body string) ([]byte, error) {
	secret, err := e.cfg.Keys.Secret(ctx, site, "refresh-token")
	if err != nil {
		return nil, fmt.Errorf("refresh token secret: %w", err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(string(site.Realm.ID) + "\x00" + string(client) + "\x00" + body))
	return mac.Sum(nil), nil
}

// openRefresh reads a refresh token of the client. What is not one, or is
// another client's, is errRefreshToken.
func (e *Engine) openRefresh(ctx context.Context, site *model.Site, client model.ClientID, raw string) (refreshRef, error) {
	rest, ok := strings.CutPrefix(raw, refreshPrefix)
	parts := strings.Split(rest, ".")
	if !ok || len(parts) != 3 {
		return refreshRef{}, errRefreshToken
	}
	r := refreshRef{Grant: model.GrantID("grt_" + parts[0])}
	var err error
	r.Number, err = strconv.ParseInt(parts[1], 10, 64)
	if err != nil || !ids.Valid("grt", string(r.Grant)) || strconv.FormatInt(r.Number, 10) != parts[1] {
		return refreshRef{}, errRefreshToken
	}
	sent, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return refreshRef{}, errRefreshToken
	}
	want, err := e.refreshMAC(ctx, site, client, parts[0]+"."+parts[1])
	if err != nil {
		return refreshRef{}, err
	}
	if !hmac.Equal(sent, want) {
		return refreshRef{}, errRefreshToken
	}
	return r, nil
}

// offlineAccess asks for access while the person is away (OpenID Connect Core
// 1.0, Section 11).
const offlineAccess = "offline_access"

// refreshable reports whether the client gets refresh tokens.
func refreshable(c *model.Client) bool {
	return c.Settings.Refresh != model.RefreshNone && c.Settings.Allows(GrantRefresh)
}

// firstRefresh completes a grant that is about to be opened: its end, the session
// that it ends with, and its first refresh token, which is "" for clients that get
// none.
func (e *Engine) firstRefresh(ctx context.Context, x *exchange, g *model.Grant) (string, error) {
	g.ExpiresAt = g.CreatedAt.Add(x.client.Settings.TokenLives())
	scope := strings.Fields(g.Scope)
	if !slices.Contains(scope, offlineAccess) {
		// OpenID Connect Back-Channel Logout 1.0, Section 2.7: what was not given for
		// later ends with the session.
		g.SessionID = g.Terms.SessionID
	}
	if !refreshable(x.client) {
		return "", nil
	}
	g.ExpiresAt = g.CreatedAt.Add(x.client.Settings.RefreshLives())
	g.Refresh, g.RefreshedAt = 1, g.CreatedAt
	refreshTerms(x.client, &g.Terms, x.bound)
	return e.refreshToken(ctx, x.Site, x.client.ID, refreshRef{Grant: g.ID, Number: 1})
}
