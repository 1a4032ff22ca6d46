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
	// maxQueuedMails bounds how many mails have just been asked for, how many are ready
	// to be sent, and how many wait for their next attempt, each apart, so that
	// addresses which a relay puts off do not take the room of others.
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
	// email is whose account has to be looked up first; empty once that is done.
	email      string
	user       User
	source     turns.Source
	clientIP   netip.Addr
	askedAt    time.Time
	validUntil time.Time
	mail       Mail   // once it is made
	row        *Token // to be stored before the first attempt to send; nil: none, or done
	pause      time.Duration
	timer      *time.Timer // while it waits for its next attempt
}

// mailQueue delivers mails outside of the requests that cause them. A request adds a
// job, whatever the address. Everything that depends on the address is done by the
// workers: the look-up, the token and its row, the mail. They take the job over at the
// next tick of a timer, when the request has been answered, so the answer's time tells
// nothing.
//
// The timer and the workers run only while there is work, so an idle Service has no
// goroutine, and one that is never closed leaks none. Jobs take turns by source, and a
// full queue drops a job of the source with the most in it.
type mailQueue struct {
	svc     *Service
	ctx     context.Context // ends when close gives up
	cancel  context.CancelFunc
	spacing *mailSpacing // nil: mails are not spaced
	crowded burst        // jobs that were dropped for want of room
	spaced  burst        // mails that came too soon after another

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
		svc.emit(ctx, Event{Kind: EventMailDropped, ClientIP: ip, Err: fmt.Errorf("the mail queue is full: %d mails were dropped, of the clients that asked for the most", n)})
	}}
	q.spaced = burst{delay: svc.opts.MailDelay, report: func(n int, userID string, ip netip.Addr) {
		svc.emit(ctx, Event{Kind: EventMailSpaced, UserID: userID, ClientIP: ip, Err: fmt.Errorf("%d mails were left out: their mailboxes had others of the kind too recently", n)})
	}}
	return q
}

// enqueue never waits, and leaves all else to the workers.
func (q *mailQueue) enqueue(job *mailJob) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		// A request that outlives Close. There is no worker left to report it.
		q.droppedCount++
		q.mu.Unlock()
		q.report(job, errors.New("the mail queue is closed"))
		q.mu.Lock()
		return
	}
	q.push(q.arrived, job)
	if q.tick == nil {
		delay := q.svc.opts.MailDelay / 2
		q.tick = time.AfterFunc(delay+rand.N(delay), q.takeOver)
	}
}

// push adds job, and drops another or job itself if to is full. It returns nil in the
// last case. It runs under the lock.
func (q *mailQueue) push(to *turns.Queue[*mailJob], job *mailJob) *turns.Place[*mailJob] {
	place, refused, full := to.Push(job.source, job)
	if full {
		q.droppedCount++
		q.stopWaiting(refused)
		q.crowded.add("", refused.clientIP)
	}
	return place
}

// takeOver is the tick of the timer.
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

// startWorkers starts as many as there are jobs and free places. It runs under the lock.
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

// next returns the next job, or nil when there is none and the worker has to end.
func (q *mailQueue) next() *mailJob {
	q.mu.Lock()
	defer q.mu.Unlock()
	job, ok := q.ready.Pop()
	if !ok && q.closed {
		job, ok = q.arrived.Pop()
	}
	if !ok && q.closed {
		// What waits for its next attempt is tried once more.
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

// attempt sends the job's mail, after what is still to be done before that. It reports
// whether there was one to send.
func (q *mailQueue) attempt(job *mailJob) (sent bool, err error) {
	now := q.svc.now()
	if !now.Before(job.validUntil) {
		return false, Permanent(errors.New("it is of no use any more"))
	}
	ctx, cancel := context.WithTimeout(q.ctx, mailAttemptTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			logPanic(ctx, q.svc.opts.Logger, "the mailer", p)
			err = Permanent(errors.New("the mailer panicked"))
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
		now = job.askedAt // the moment of the tick is no business of the requester's
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

// retry has job tried again after a pause that doubles each time, unless that is
// pointless or too late.
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

// wait has job tried again after the pause. It takes the place of an older one that says
// the same to the same mailbox, so that a relay which was down for hours does not hand
// out hours of mails when it is back. It runs under the lock.
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

// stopWaiting forgets that a job waited, once it has left the queue of those that do. It
// runs under the lock.
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

// report tells of one mail that was given up.
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

// close tries at once what is queued, and once more what waits for its next attempt,
// and waits for the workers.
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
