package pages

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/assent-id/assent/internal/service/oauth"
)

// A deviceView is what the pages for devices show beyond what all show.
type deviceView struct {
	Typed   string // the code that was wrong
	Fault   string // what was wrong with it; may be empty
	Locked  bool   // no code is taken now
	Asked   string // how long ago the device asked
	Agent   string // shortened
	Allowed bool
	oauth.Waiting
}

// DeviceEntry asks for the code that a device shows.
func (p *Pages) DeviceEntry(w http.ResponseWriter, r *http.Request, typed string, fault error) error {
	v := p.view(r, "Connect a device")
	d := &deviceView{Typed: cut(typed, maxTyped)}
	status := http.StatusOK
	tries, locked := errors.AsType[*oauth.TriesError](fault)
	switch {
	case fault == nil:
	case locked:
		w.Header().Set("Retry-After", strconv.Itoa(int(tries.Wait.Seconds())+1))
		status, d.Locked = http.StatusTooManyRequests, true
		d.Fault = "Those were too many wrong codes. For your safety no code is taken for the next " + words(tries.Wait) + "."
	case errors.Is(fault, oauth.ErrDeviceStopped):
		status = http.StatusForbidden
		d.Fault, d.Typed = "The application on that device may not be used here at the moment. Nothing was allowed.", ""
	case errors.Is(fault, oauth.ErrDeviceOver):
		status = http.StatusGone
		d.Fault, d.Typed = "That device does not wait for an answer any more. Nothing was changed. Ask for a new code on the device.", ""
	default:
		status = http.StatusNotFound
		d.Fault = "We do not know this code. Compare it with your device: codes work once, and for ten minutes."
	}
	v.Device = d
	return p.render(w, status, "device.html", v)
}

// maxTyped is how much of a wrong code is shown again, in bytes.
const maxTyped = 24

// words says a time as people do, rounded up.
func words(d time.Duration) string {
	minutes := int((d + time.Minute - 1) / time.Minute)
	if minutes <= 1 {
		return "minute"
	}
	return fmt.Sprintf("%d minutes", minutes)
}

// DeviceQuestion shows who asks, from where and for what, before the person
// answers (RFC 8628, Section 5.4).
func (p *Pages) DeviceQuestion(w http.ResponseWriter, r *http.Request, d oauth.Waiting, person string) error {
	v := p.view(r, "Connect a device")
	v.Person, v.Party = person, d.Party
	v.Device = &deviceView{Waiting: d, Asked: ago(time.Since(d.AskedAt)), Agent: cut(d.UserAgent, maxAgent)}
	return p.render(w, http.StatusOK, "device_question.html", v)
}

// maxAgent is how much of a device's User-Agent people are shown, in bytes.
const maxAgent = 48

func ago(d time.Duration) string {
	switch minutes := int(d / time.Minute); minutes {
	case 0:
		return "less than a minute ago"
	case 1:
		return "a minute ago"
	default:
		return fmt.Sprintf("%d minutes ago", minutes)
	}
}

// cut shortens a text, between two characters.
func cut(text string, limit int) string {
	for i := range text {
		if i >= limit {
			return text[:i] + "…"
		}
	}
	return text
}

// DeviceAnswered says what happens next.
func (p *Pages) DeviceAnswered(w http.ResponseWriter, r *http.Request, application string, allowed bool) error {
	v := p.view(r, "Device connected")
	if !allowed {
		v.Title = "Device not connected"
	}
	v.Party.Name = application
	v.Device = &deviceView{Allowed: allowed}
	return p.render(w, http.StatusOK, "device_done.html", v)
}
