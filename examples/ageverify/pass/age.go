package pass

import "time"

// oldEnough reports whether somebody born on a day has reached an age on the day
// that it is in UTC. Who was born on 29 February reaches it on 1 March of a year
// that has no such day: time.Date counts on.
func oldEnough(born time.Time, years int, at time.Time) bool {
	return !birthday(born, years).After(at.UTC().Truncate(day))
}

func birthday(born time.Time, years int) time.Time {
	return time.Date(born.Year()+years, born.Month(), born.Day(), 0, 0, 0, 0, time.UTC)
}

// Threshold is the latest day of birth of whoever has reached an age on the day
// that it is in UTC. Passes with it say no more than that age: everyone who gets
// one on that day gets the same.
func Threshold(years int, at time.Time) time.Time {
	today := at.UTC().Truncate(day)
	born := birthday(today, -years)
	for birthday(born, years).After(today) { // 29 February, at most once
		born = born.AddDate(0, 0, -1)
	}
	return born
}
