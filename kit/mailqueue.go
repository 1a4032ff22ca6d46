package kit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"myauth.internal/kit/internal/turns"
)

const (
	// maxQueuedMails bounds each of three queues: the mails that arrived since the last
	// tick, those that are ready to be sent, and those that wait for their next attempt.
	// So mails that a relay puts off take no room from the others.
	maxQueuedMails = 1024
	// mailWorkers is how many mails are under way at once, so that one relay
	// connection that hangs holds up one worker.
	mailWorkers = 4
	// mailAttemptTimeout ends an attempt whose mailer has no deadline of its own.
	mailAttemptTimeout = time.Minute
	firstMailPause     = time.Second
	longestMailPause   = 5 * time.Minute
	// lastMailPause is how long Close waits for attempts that it has cancelled.
	lastMailPause = time.Second
)

// mailJob is one mail that may have to be sent.
type mailJob struct {
	kind MailKind
	// email is the address whose account is to be looked up; empty once that is done.
	email      string
	user       User
	source     turns.Source
	clientIP   netip.Addr
	askedAt    time.Time
	validUntil time.Time
	mail       Mail   // once it is made
	row        *Token // to be stored before the first attempt to send; nil: none, or stored
	pause      time.Duration
	timer      *time.Timer // while it waits for its next attempt
}

// mailQueue sends mails outside of the requests that cause them. A request adds a job,
// whatever the address. The workers do everything that depends on the address: the
// look-up, the token and its row, the mail. They take the job at the next tick of a timer.
// The tick does not depend on the address, so the time of the answer does not either.
//
// The timer and the workers run only while there is work, so an idle Service has no
// goroutine, and one that is never closed leaks none. Jobs take turns by source, and a
// full queue drops a job of the source that has the most jobs in it.
type mailQueue struct {
	svc     *Service
	ctx     context.Context // ends when close gives up
	cancel  context.CancelFunc
	spacing *mailSpacing // nil: mails are not spaced
	crowded burst        // jobs dropped because a queue was full
	spaced  burst        // mails not sent because they came too soon after another

	mu      sync.Mutex
	arrived *turns.Queue[*mailJob] // since the last tick
	tick    *time.Timer            // nil: nothing has arrived
	ready   *turns.Queue[*mailJob]
	waiting *turns.Queue[*mailJob] // for their next attempt
	// latest are those of waiting that a newer mail can take the place of.
	latest  map[mailKey]*turns.Place[*mailJob]
	workers int
	closed  bool
	drained chan struct{} // closed once closed is set and nothing is left

	sentCount, droppedCount, spacedCount uint64
}

type mailKey struct {
	kind     MailKind
	emailKey string
}

func (j *mailJob) key() mailKey { return mailKey{j.kind, EmailKey(j.user.Email)} }

func newMailQueue(svc *Service) *mailQueue {
	ctx, cancel := context.WithCancel(context.Background())
	q := &mailQueue{
		svc: svc, ctx: ctx, cancel: cancel,
		arrived: turns.New[*mailJob](maxQueuedMails),
		ready:   turns.New[*mailJob](maxQueuedMails),
		waiting: turns.New[*mailJob](maxQueuedMails),
		latest:  map[mailKey]*turns.Place[*mailJob]{},
		drained: make(chan struct{}),
	}
	if !svc.opts.InsecureUnlimitedMails {
		q.spacing = newMailSpacing()
	}
	q.crowded = burst{delay: svc.opts.MailDelay, report: func(n int, _ string, ip netip.Addr) {
		svc.emit(ctx, Event{Kind: EventMailDropped, ClientIP: ip, Err: fmt.Errorf("the mail queue is full: dropped %d mails of the clients with the most in it", n)})
	}}
	q.spaced = burst{delay: svc.opts.MailDelay, report: func(n int, userID string, ip netip.Addr) {
		svc.emit(ctx, Event{Kind: EventMailSpaced, UserID: userID, ClientIP: ip, Err: fmt.Errorf("%d mails were not sent: their mailboxes had one of the same kind too recently", n)})
	}}
	return q
}

// enqueue adds a job. It never waits.
func (q *mailQueue) enqueue(job *mailJob) {
	if !q.arrive(job) {
		q.report(job, errors.New("the mail queue is closed")) // the request outlived Close
	}
}

func (q *mailQueue) arrive(job *mailJob) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		q.droppedCount++
		return false
	}
	q.push(q.arrived, job)
	if q.tick == nil {
		delay := q.svc.opts.MailDelay / 2
		q.tick = time.AfterFunc(delay+rand.N(delay), q.takeOver)
	}
	return true
}

// push adds job to a queue. If that is full, it drops another job, or job itself, and then
// returns nil. The caller holds the lock.
func (q *mailQueue) push(to *turns.Queue[*mailJob], job *mailJob) *turns.Place[*mailJob] {
	place, refused, full := to.Push(job.source, job)
	if full {
		q.droppedCount++
		q.stopWaiting(refused)
		q.crowded.add("", refused.clientIP)
	}
	return place
}

// takeOver makes what has arrived ready. The timer calls it.
func (q *mailQueue) takeOver() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tick = nil
	if q.closed {
		return // the workers take from arrived themselves
	}
	for job, ok := q.arrived.Pop(); ok; job, ok = q.arrived.Pop() {
		q.push(q.ready, job)
	}
	q.startWorkers(q.ready.Len())
}

// startWorkers starts a worker for each job, up to mailWorkers in all. The caller holds
// the lock.
func (q *mailQueue) startWorkers(jobs int) {
	for ; jobs > 0 && q.workers < mailWorkers; jobs-- {
		q.workers++
		go q.work()
	}
}

func (q *mailQueue) work() {
	for job := q.next(); job != nil; job = q.next() {
		switch sent, err := q.attempt(job); {
		case err != nil:
			q.retry(job, err)
		case sent:
			q.mu.Lock()
			q.sentCount++
			q.mu.Unlock()
		}
	}
}

// next returns the next job, or nil when there is none and the worker must end.
func (q *mailQueue) next() *mailJob {
	q.mu.Lock()
	defer q.mu.Unlock()
	job, ok := q.ready.Pop()
	if !ok && q.closed {
		job, ok = q.arrived.Pop()
	}
	if !ok && q.closed {
		// Try once more what waits for its next attempt.
		if job, ok = q.waiting.Pop(); ok {
			q.stopWaiting(job)
		}
	}
	if !ok {
		q.workers--
		if q.closed && q.workers == 0 {
			close(q.drained)
		}
		return nil
	}
	return job
}

// attempt sends the job's mail, and first does what an earlier attempt has not done. sent
// is false if there is no mail to send.
func (q *mailQueue) attempt(job *mailJob) (sent bool, err error) {
	now := q.svc.now()
	if !now.Before(job.validUntil) {
		return false, Permanent(errors.New("it has expired"))
	}
	ctx, cancel := context.WithTimeout(q.ctx, mailAttemptTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			logPanic(ctx, q.svc.opts.Logger, "the sending of a mail", p)
			err = Permanent(errors.New("its sending panicked"))
		}
	}()
	if job.mail.Kind == "" {
		if wanted, err := q.svc.lookUpMail(ctx, job); err != nil || !wanted {
			return false, err
		}
		if !q.maySend(job, now) {
			return false, nil
		}
		if err := q.svc.makeMail(ctx, job, now); err != nil {
			return false, Permanent(err)
		}
	}
	if job.row != nil {
		if err := q.svc.createToken(ctx, *job.row); err != nil {
			return false, err
		}
		job.row = nil
	}
	job.mail.Now = now
	return true, q.svc.opts.Mailer.Send(ctx, job.mail)
}

// maySend reports whether the mailbox may have this mail now.
func (q *mailQueue) maySend(job *mailJob, now time.Time) bool {
	if job.pause == 0 {
		now = job.askedAt // the tick depends on other requests
	}
	if q.spacing == nil || !mayBeSpaced(job.kind) || q.spacing.allow(job.kind, job.user.Email, now) {
		return true
	}
	q.mu.Lock()
	q.spacedCount++
	q.mu.Unlock()
	q.spaced.add(job.user.ID, job.clientIP)
	return false
}

// retry schedules another attempt, after a pause that doubles each time. It gives the job
// up if another attempt is pointless or too late.
func (q *mailQueue) retry(job *mailJob, cause error) {
	job.pause = min(max(2*job.pause, firstMailPause), longestMailPause)
	// A quarter more or less, so that what failed together is not tried together.
	pause := job.pause*3/4 + rand.N(job.pause/2)
	var permanent *permanentError
	hopeless := errors.As(cause, &permanent) || !q.svc.now().Add(pause).Before(job.validUntil)

	q.mu.Lock()
	if hopeless || q.closed {
		q.droppedCount++
		q.mu.Unlock()
		q.report(job, cause)
		return
	}
	q.wait(job, pause)
	q.mu.Unlock()
	q.svc.emit(q.ctx, Event{Kind: EventMailFailed, UserID: job.user.ID, ClientIP: job.clientIP, Err: fmt.Errorf("%s mail, retrying: %w", job.kind, cause)})
}

// wait schedules job's next attempt. The job replaces an older one of its kind to the same
// mailbox, so that a mailbox does not get hours of mails when the relay was down for hours.
// The caller holds the lock.
func (q *mailQueue) wait(job *mailJob, pause time.Duration) {
	replaces := mayBeSpaced(job.kind) && job.email == ""
	if other := q.latest[job.key()]; replaces && other != nil {
		if other.Value().validUntil.After(job.validUntil) {
			return
		}
		q.waiting.Remove(other)
		q.stopWaiting(other.Value())
	}
	place := q.push(q.waiting, job)
	if place == nil {
		return
	}
	if replaces {
		q.latest[job.key()] = place
	}
	job.timer = time.AfterFunc(pause, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.waiting.Remove(place) {
			q.stopWaiting(job)
			q.push(q.ready, job)
			q.startWorkers(1)
		}
	})
}

// stopWaiting stops the timer of a job that has left the waiting queue. For a job that did
// not wait it does nothing. The caller holds the lock.
func (q *mailQueue) stopWaiting(job *mailJob) {
	if job.timer == nil {
		return
	}
	job.timer.Stop()
	job.timer = nil
	if place := q.latest[job.key()]; place != nil && place.Value() == job {
		delete(q.latest, job.key())
	}
}

// report emits the event of one mail that was given up.
func (q *mailQueue) report(job *mailJob, cause error) {
	q.svc.emit(q.ctx, Event{Kind: EventMailDropped, UserID: job.user.ID, ClientIP: job.clientIP, Err: fmt.Errorf("%s mail, given up: %w", job.kind, cause)})
}

func (q *mailQueue) count(s *Stats) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s.MailsReady = q.arrived.Len() + q.ready.Len()
	s.MailsWaiting = q.waiting.Len()
	s.MailsSent, s.MailsDropped, s.MailsSpaced = q.sentCount, q.droppedCount, q.spacedCount
}

// close sends what is queued, tries once more what waits for its next attempt, and waits
// for the workers until ctx is done.
func (q *mailQueue) close(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	before := q.droppedCount
	q.startWorkers(q.arrived.Len() + q.ready.Len() + q.waiting.Len())
	if q.workers == 0 {
		close(q.drained)
	}
	q.mu.Unlock()
	defer q.cancel()
	var late error
	select {
	case <-q.drained:
	case <-ctx.Done():
		// Every attempt ends now, and each job is reported as given up: at once,
		// unless a mailer does not heed its context.
		late = ctx.Err()
		q.cancel()
		select {
		case <-q.drained:
		case <-time.After(lastMailPause):
		}
	}
	q.crowded.flush(false)
	q.spaced.flush(false)
	q.mu.Lock()
	lost := q.droppedCount - before + uint64(q.arrived.Len()+q.ready.Len()+q.waiting.Len())
	q.mu.Unlock()
	switch {
	case lost > 0 && late != nil:
		return fmt.Errorf("kit: closing: %d mails were given up: %w", lost, late)
	case lost > 0:
		return fmt.Errorf("kit: closing: %d mails were given up", lost)
	}
	return late
}
