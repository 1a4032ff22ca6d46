// Package german has the texts of the pages of package httpx in German, and shows how those of
// any language are written.
//
//	auth, err := httpx.New(svc, &httpx.Options{Languages: []httpx.Language{httpx.English(), german.Pages()}})
package german

import "myauth.internal/httpx"

// Pages returns the texts of [httpx.Handler.Pages], and of the pages of package provider.
func Pages() httpx.Language {
	return httpx.Language{Tag: "de", Texts: map[string]string{
		// The address of a new account.
		"Confirm your email address":                      "E-Mail-Adresse bestätigen",
		"Your email address is confirmed":                 "Ihre E-Mail-Adresse ist bestätigt",
		"Thank you. You can close this page and sign in.": "Vielen Dank. Sie können diese Seite schließen und sich anmelden.",
		"Confirm email address":                           "E-Mail-Adresse bestätigen",
		"This wasn't me":                                  "Das war ich nicht",
		"Someone, hopefully you, signed up with your email address. If that was you, please confirm that the address is yours.": "Jemand, hoffentlich Sie, hat sich mit Ihrer E-Mail-Adresse registriert. Wenn Sie das waren, bestätigen Sie bitte, dass die Adresse Ihnen gehört.",
		"If it wasn't you, don't confirm: someone else knows the account's password and could use the account in your name.":    "Wenn Sie es nicht waren, bestätigen Sie nicht: Jemand anderes kennt das Passwort des Kontos und könnte es in Ihrem Namen benutzen.",

		// An account that somebody else has made.
		"Didn't sign up?":                  "Nicht registriert?",
		"The account is deleted":           "Das Konto ist gelöscht",
		"It wasn't me: delete the account": "Ich war es nicht: Konto löschen",
		"Thank you for telling us. There is no longer an account with your email address. You can close this page.":                                                  "Vielen Dank für den Hinweis. Es gibt kein Konto mit Ihrer E-Mail-Adresse mehr. Sie können diese Seite schließen.",
		"Someone signed up with your email address. If it wasn't you, we'll delete the account, and you can use your address for one of your own.":                   "Jemand hat sich mit Ihrer E-Mail-Adresse registriert. Wenn Sie es nicht waren, löschen wir das Konto, und Sie können Ihre Adresse für ein eigenes verwenden.",
		"If it was you, close this page and use the other link in the email.":                                                                                        "Wenn Sie es waren, schließen Sie diese Seite und folgen Sie dem anderen Link in der E-Mail.",
		"Your email address has already been confirmed, so we didn't delete the account. If you didn't create it, reset its password: that signs everyone else out.": "Ihre E-Mail-Adresse wurde schon bestätigt, deshalb haben wir das Konto nicht gelöscht. Wenn Sie es nicht angelegt haben, setzen Sie das Passwort zurück: Das meldet alle anderen ab.",

		// Another address.
		"Confirm your new email address": "Neue E-Mail-Adresse bestätigen",
		"Your email address is changed":  "Ihre E-Mail-Adresse ist geändert",
		"Change email address":           "E-Mail-Adresse ändern",
		"You were signed out on all devices. You can close this page and sign in with your new address.":                                                  "Sie wurden auf allen Geräten abgemeldet. Sie können diese Seite schließen und sich mit Ihrer neuen Adresse anmelden.",
		"Someone, hopefully you, asked to use this email address for their account. If that was you, please confirm the change.":                          "Jemand, hoffentlich Sie, möchte diese E-Mail-Adresse für das eigene Konto verwenden. Wenn Sie das waren, bestätigen Sie bitte die Änderung.",
		"This signs you out on all devices. If it wasn't you, close this page: nothing changes.":                                                          "Sie werden dadurch auf allen Geräten abgemeldet. Wenn Sie es nicht waren, schließen Sie diese Seite: Es ändert sich nichts.",
		"This link has already been used, or your account has changed since we sent it. If you still want to change your address, sign in and ask again.": "Dieser Link wurde schon benutzt, oder Ihr Konto hat sich seitdem geändert. Wenn Sie Ihre Adresse noch ändern möchten, melden Sie sich an und fordern Sie es noch einmal an.",

		// Another password.
		"Choose a new password":              "Neues Passwort wählen",
		"Your password is changed":           "Ihr Passwort ist geändert",
		"Change password":                    "Passwort ändern",
		"New password":                       "Neues Passwort",
		"Repeat the new password":            "Neues Passwort wiederholen",
		"This signs you out on all devices.": "Sie werden dadurch auf allen Geräten abgemeldet.",
		"All devices were signed out. You can close this page and sign in with your new password.":                                                      "Alle Geräte wurden abgemeldet. Sie können diese Seite schließen und sich mit Ihrem neuen Passwort anmelden.",
		"This link has already been used, or your account has changed since we sent it. If you still need to reset your password, ask for a new email.": "Dieser Link wurde schon benutzt, oder Ihr Konto hat sich seitdem geändert. Wenn Sie Ihr Passwort noch zurücksetzen müssen, fordern Sie eine neue E-Mail an.",

		// A new mail in place of an old one.
		"Type your email address, and we'll send you a new link to confirm it.":        "Geben Sie Ihre E-Mail-Adresse ein, dann schicken wir Ihnen einen neuen Link, mit dem Sie sie bestätigen.",
		"Type your email address, and we'll send you a link to choose a new password.": "Geben Sie Ihre E-Mail-Adresse ein, dann schicken wir Ihnen einen Link, mit dem Sie ein neues Passwort wählen.",
		"Email address":   "E-Mail-Adresse",
		"Send the link":   "Link schicken",
		"Check your mail": "Sehen Sie in Ihr Postfach",
		"If there is an account that needs it, we've just sent an email to this address. Follow the link in it. If nothing comes, look in the spam folder.": "Wenn es ein Konto gibt, das ihn braucht, haben wir gerade eine E-Mail mit einem Link an diese Adresse geschickt. Folgen Sie ihm. Wenn nichts kommt, sehen Sie im Spam-Ordner nach.",
		"Please type a whole email address, such as ada@example.com.":                                                                                       "Bitte geben Sie eine vollständige E-Mail-Adresse ein, etwa ada@example.com.",
		"This service doesn't send email.": "Dieser Dienst verschickt keine E-Mails.",

		// Accounts elsewhere: the pages of package provider.
		"Sign in": "Anmelden",
		"Sign in with an account that you have elsewhere:": "Melden Sie sich mit einem Konto an, das Sie anderswo haben:",
		"The sign-in worked": "Die Anmeldung hat geklappt",
		"An application would now exchange the code in the address of this page for tokens. This page is where browsers go that came from no application.": "Eine Anwendung würde jetzt den Code aus der Adresse dieser Seite gegen Tokens tauschen. Auf diese Seite kommen Browser, die von keiner Anwendung kamen.",
		"Finish signing in": "Anmeldung abschließen",
		"Someone, hopefully you, has just signed in with an account elsewhere, and gave this email address. If that was you, please confirm it.": "Jemand, hoffentlich Sie, hat sich gerade mit einem Konto von anderswo angemeldet und diese E-Mail-Adresse angegeben. Wenn Sie das waren, bestätigen Sie sie bitte.",
		"If it wasn't you, close this page: nothing changes. Otherwise someone else could use the account together with you.":                    "Wenn Sie es nicht waren, schließen Sie diese Seite: Es ändert sich nichts. Sonst könnte jemand anderes das Konto gemeinsam mit Ihnen benutzen.",
		"You can close this page and sign in.":              "Sie können diese Seite schließen und sich anmelden.",
		"This link has already been used. You can sign in.": "Dieser Link wurde schon benutzt. Sie können sich anmelden.",
		"There is already an account with your email address. If you began in another browser, open this link there. Otherwise sign in as you did before; then you can link your provider in your account's settings.": "Es gibt schon ein Konto mit Ihrer E-Mail-Adresse. Wenn Sie in einem anderen Browser begonnen haben, öffnen Sie diesen Link dort. Sonst melden Sie sich an wie bisher; dann können Sie Ihren Anbieter in den Einstellungen Ihres Kontos verknüpfen.",
		"You don't have an account here with this provider, and new ones can't be made at the moment. If you have one, sign in to it as you did before; then you can link your provider in your account's settings.":   "Sie haben hier kein Konto mit diesem Anbieter, und neue lassen sich zurzeit nicht anlegen. Wenn Sie eins haben, melden Sie sich an wie bisher; dann können Sie Ihren Anbieter in den Einstellungen Ihres Kontos verknüpfen.",
		"This link is too old. Please sign in with your provider again: we'll send you a new email.":                                                                                                                   "Dieser Link ist zu alt. Bitte melden Sie sich noch einmal mit Ihrem Anbieter an: Wir schicken Ihnen eine neue E-Mail.",
		"You weren't signed in, because you cancelled, or because your provider refused. You can try again, or choose another way.":                                                                                    "Sie wurden nicht angemeldet, weil Sie abgebrochen haben oder Ihr Anbieter abgelehnt hat. Sie können es noch einmal versuchen oder einen anderen Weg wählen.",
		"You weren't signed in: it took too long, or was begun in another browser, or you came back to an old page. Please begin again.":                                                                               "Sie wurden nicht angemeldet: Es hat zu lange gedauert, oder es wurde in einem anderen Browser begonnen, oder Sie kamen auf eine alte Seite zurück. Bitte beginnen Sie noch einmal.",
		"You weren't signed in, because something went wrong between us and your provider. Please try again in a moment, or choose another way.":                                                                       "Sie wurden nicht angemeldet, weil zwischen uns und Ihrem Anbieter etwas schiefgegangen ist. Bitte versuchen Sie es gleich noch einmal, oder wählen Sie einen anderen Weg.",
		"There is already an account with your email address. Sign in to it as you did before. Then you can link your provider in your account's settings, and sign in with it from then on.":                          "Es gibt schon ein Konto mit Ihrer E-Mail-Adresse. Melden Sie sich an wie bisher. Dann können Sie Ihren Anbieter in den Einstellungen Ihres Kontos verknüpfen und sich von da an mit ihm anmelden.",
		"You're almost there: we sent you an email. Follow the link in it within an hour to finish.":                                                                                                                   "Fast geschafft: Wir haben Ihnen eine E-Mail geschickt. Folgen Sie innerhalb einer Stunde dem Link darin, um die Anmeldung abzuschließen.",
		"The address of this page isn't right. Go back to where you came from, and try again. For whoever made that link:":                                                                                             "Die Adresse dieser Seite stimmt nicht. Gehen Sie dorthin zurück, woher Sie kamen, und versuchen Sie es noch einmal. Für den, der den Link gemacht hat:",

		// Invitations: the page of package invitation.
		"Welcome: make your account": "Willkommen: Legen Sie Ihr Konto an",
		"You are invited to have an account here. Choose a name, which others may see, and a password.": "Sie sind eingeladen, hier ein Konto zu haben. Wählen Sie einen Namen, den andere vielleicht sehen, und ein Passwort.",
		"Your name":           "Ihr Name",
		"Password":            "Passwort",
		"Repeat the password": "Passwort wiederholen",
		"Make the account":    "Konto anlegen",
		"Your account will have the email address that we sent the invitation to. If you don't want one, close this page: nothing happens.": "Ihr Konto bekommt die E-Mail-Adresse, an die wir die Einladung geschickt haben. Wenn Sie keins möchten, schließen Sie diese Seite: Es geschieht nichts.",
		"Your account is ready": "Ihr Konto ist bereit",
		"You can close this page and sign in with your email address and your password.":                                                                                                                        "Sie können diese Seite schließen und sich mit Ihrer E-Mail-Adresse und Ihrem Passwort anmelden.",
		"This invitation has already been used, or was withdrawn. If you have made your account, sign in. Otherwise ask the people who invited you for a new one.":                                              "Diese Einladung wurde schon benutzt oder zurückgezogen. Wenn Sie Ihr Konto angelegt haben, melden Sie sich an. Sonst bitten Sie die, die Sie eingeladen haben, um eine neue.",
		"This invitation is too old. Ask the people who invited you for a new one.":                                                                                                                             "Diese Einladung ist zu alt. Bitten Sie die, die Sie eingeladen haben, um eine neue.",
		"This link doesn't work. Perhaps part of it is missing: copy the whole link from the email into the address bar of your browser. If there is a newer invitation in your mailbox, use the link in that.": "Dieser Link funktioniert nicht. Vielleicht fehlt ein Teil: Kopieren Sie den ganzen Link aus der E-Mail in die Adresszeile Ihres Browsers. Wenn in Ihrem Postfach eine neuere Einladung liegt, nehmen Sie den Link daraus.",
		"There is already an account with your email address. You can sign in to it. If you don't know its password, ask for a new one there.":                                                                  "Es gibt schon ein Konto mit Ihrer E-Mail-Adresse. Sie können sich dort anmelden. Wenn Sie das Passwort nicht wissen, fordern Sie dort ein neues an.",
		"We can't make your account yet. Please:": "Ihr Konto lässt sich noch nicht anlegen. Bitte:",
		"type your name": "Ihren Namen eingeben",
		"use at most 64 characters for your name": "höchstens 64 Zeichen für Ihren Namen verwenden",
		"use no control characters in your name":  "keine Steuerzeichen in Ihrem Namen verwenden",
		"New accounts can't be made here at the moment. If you think that you should have one, ask the people who run this service.": "Hier lassen sich zurzeit keine neuen Konten anlegen. Wenn Sie meinen, dass Sie eins haben sollten, fragen Sie die, die diesen Dienst betreiben.",

		// What the rules of passwords say.
		"This password doesn't work yet. Please:":           "Dieses Passwort geht noch nicht. Bitte:",
		"type the same password twice":                      "zweimal dasselbe Passwort eingeben",
		"choose a password":                                 "ein Passwort wählen",
		"use at least %d characters":                        "mindestens %d Zeichen verwenden",
		"use at most %d characters":                         "höchstens %d Zeichen verwenden",
		"add an upper-case letter":                          "einen Großbuchstaben hinzufügen",
		"add a lower-case letter":                           "einen Kleinbuchstaben hinzufügen",
		"add a digit":                                       "eine Ziffer hinzufügen",
		"add a special character, such as ! or -":           "ein Sonderzeichen hinzufügen, etwa ! oder -",
		"choose a password that fewer people use":           "ein Passwort wählen, das weniger Menschen benutzen",
		"use no control characters, and only valid Unicode": "keine Steuerzeichen und nur gültiges Unicode verwenden",
		"choose a password that is not made of your name, your address or the name of this service": "ein Passwort wählen, das nicht aus Ihrem Namen, Ihrer Adresse oder dem Namen dieses Dienstes besteht",

		// What can go wrong on every page.
		"This link has already been used, or your account has changed since we sent it.":                                                                                             "Dieser Link wurde schon benutzt, oder Ihr Konto hat sich seitdem geändert.",
		"This link doesn't work. Perhaps part of it is missing: copy the whole link from the email into the address bar of your browser. If that doesn't help, ask for a new email.": "Dieser Link funktioniert nicht. Vielleicht fehlt ein Teil: Kopieren Sie den ganzen Link aus der E-Mail in die Adresszeile Ihres Browsers. Wenn das nicht hilft, fordern Sie eine neue E-Mail an.",
		"This link has expired. Please ask for a new email.":                                                                                                                         "Dieser Link ist abgelaufen. Bitte fordern Sie eine neue E-Mail an.",
		"There is already an account with this email address, so we didn't change yours.":                                                                                            "Es gibt schon ein Konto mit dieser E-Mail-Adresse, deshalb haben wir Ihre nicht geändert.",
		"This account is disabled.":                                                                                                          "Dieses Konto ist gesperrt.",
		"This account no longer exists.":                                                                                                     "Dieses Konto gibt es nicht mehr.",
		"Too many attempts. Wait a moment, then press the button again.":                                                                     "Zu viele Versuche. Warten Sie einen Augenblick und drücken Sie den Knopf noch einmal.",
		"Too many attempts. Wait %d seconds, then press the button again.":                                                                   "Zu viele Versuche. Warten Sie %d Sekunden und drücken Sie den Knopf noch einmal.",
		"Too many attempts. Wait %d minutes, then press the button again.":                                                                   "Zu viele Versuche. Warten Sie %d Minuten und drücken Sie den Knopf noch einmal.",
		"We can't do this right now. Wait a moment, then press the button again.":                                                            "Das geht gerade nicht. Warten Sie einen Augenblick und drücken Sie den Knopf noch einmal.",
		"Your browser sent something we don't understand. Please open the link in the email again.":                                          "Ihr Browser hat etwas geschickt, das wir nicht verstehen. Bitte öffnen Sie den Link in der E-Mail noch einmal.",
		"Something went wrong on our side. Please try again later.":                                                                          "Bei uns ist etwas schiefgegangen. Bitte versuchen Sie es später noch einmal.",
		"Your provider doesn't say that your email address is yours, and we can't send you an email to find out. Please choose another way.": "Ihr Anbieter sagt nicht, dass Ihre E-Mail-Adresse Ihnen gehört, und wir können Ihnen keine E-Mail schicken, um das herauszufinden. Bitte wählen Sie einen anderen Weg.",
	}}
}
