package passkey

import "encoding/json"

// ClientOrigin returns where a RegistrationResponseJSON or an
// AuthenticationResponseJSON says that its ceremony ran, or "". Nothing is verified:
// it tells a page early what is wrong, and decides nothing.
func ClientOrigin(responseJSON []byte) string {
	var r struct {
		Response struct {
			ClientDataJSON b64 `json:"clientDataJSON"`
		} `json:"response"`
	}
	var data struct {
		Origin string `json:"origin"`
	}
	if len(responseJSON) > maxRegistration || json.Unmarshal(responseJSON, &r) != nil || json.Unmarshal(r.Response.ClientDataJSON, &data) != nil {
		return ""
	}
	return data.Origin
}
