//! The product's own words, where a member gives none.

use super::language::primary;
use super::variant::FieldKind;

/// The product's words in one language.
pub(super) struct Builtin {
    language: &'static str,
    pub close: &'static str,
    pub success: &'static str,
    pub error: &'static str,
    pub policy: &'static str,
    pub service_policy: &'static str,
    email: &'static str,
    name: &'static str,
    phone: &'static str,
    message: &'static str,
}

impl Builtin {
    /// The words in that language, in English if we don't speak it.
    pub fn speaking(language: &str) -> &'static Self {
        WORDS
            .iter()
            .find(|words| words.language.eq_ignore_ascii_case(primary(language)))
            .unwrap_or(&WORDS[0])
    }

    /// What a field of that kind is called, if it can be said without knowing more.
    pub fn label(&self, kind: FieldKind) -> Option<&'static str> {
        match kind {
            FieldKind::Email => Some(self.email),
            FieldKind::Name => Some(self.name),
            FieldKind::Phone => Some(self.phone),
            FieldKind::Message => Some(self.message),
            FieldKind::Text | FieldKind::Select | FieldKind::Checkbox | FieldKind::Hidden => None,
        }
    }
}

const WORDS: [Builtin; 9] = [
    Builtin {
        language: "en",
        close: "Close",
        success: "Thank you!",
        error: "That could not be sent. Please try again.",
        policy: "Privacy policy",
        service_policy: "Privacy",
        email: "Your email",
        name: "Your name",
        phone: "Your phone number",
        message: "Your message",
    },
    Builtin {
        language: "de",
        close: "Schließen",
        success: "Vielen Dank!",
        error: "Das konnte nicht gesendet werden. Bitte versuchen Sie es noch einmal.",
        policy: "Datenschutzerklärung",
        service_policy: "Datenschutz",
        email: "Ihre E-Mail-Adresse",
        name: "Ihr Name",
        phone: "Ihre Telefonnummer",
        message: "Ihre Nachricht",
    },
    Builtin {
        language: "fr",
        close: "Fermer",
        success: "Merci !",
        error: "L’envoi a échoué. Veuillez réessayer.",
        policy: "Politique de confidentialité",
        service_policy: "Confidentialité",
        email: "Votre e-mail",
        name: "Votre nom",
        phone: "Votre numéro de téléphone",
        message: "Votre message",
    },
    Builtin {
        language: "es",
        close: "Cerrar",
        success: "¡Gracias!",
        error: "No se pudo enviar. Inténtelo de nuevo.",
        policy: "Política de privacidad",
        service_policy: "Privacidad",
        email: "Su correo electrónico",
        name: "Su nombre",
        phone: "Su teléfono",
        message: "Su mensaje",
    },
    Builtin {
        language: "it",
        close: "Chiudi",
        success: "Grazie!",
        error: "Invio non riuscito. Riprova.",
        policy: "Informativa sulla privacy",
        service_policy: "Privacy",
        email: "La tua email",
        name: "Il tuo nome",
        phone: "Il tuo numero di telefono",
        message: "Il tuo messaggio",
    },
    Builtin {
        language: "nl",
        close: "Sluiten",
        success: "Bedankt!",
        error: "Verzenden is niet gelukt. Probeer het opnieuw.",
        policy: "Privacybeleid",
        service_policy: "Privacy",
        email: "Uw e-mailadres",
        name: "Uw naam",
        phone: "Uw telefoonnummer",
        message: "Uw bericht",
    },
    Builtin {
        language: "pt",
        close: "Fechar",
        success: "Obrigado!",
        error: "Não foi possível enviar. Tente novamente.",
        policy: "Política de privacidade",
        service_policy: "Privacidade",
        email: "Seu e-mail",
        name: "Seu nome",
        phone: "Seu telefone",
        message: "Sua mensagem",
    },
    Builtin {
        language: "ar",
        close: "إغلاق",
        success: "شكرًا لك!",
        error: "تعذّر الإرسال. يُرجى المحاولة مرة أخرى.",
        policy: "سياسة الخصوصية",
        service_policy: "الخصوصية",
        email: "بريدك الإلكتروني",
        name: "اسمك",
        phone: "رقم هاتفك",
        message: "رسالتك",
    },
    Builtin {
        language: "he",
        close: "סגירה",
        success: "תודה!",
        error: "השליחה נכשלה. נסו שוב.",
        policy: "מדיניות פרטיות",
        service_policy: "פרטיות",
        email: "כתובת האימייל שלך",
        name: "השם שלך",
        phone: "הטלפון שלך",
        message: "ההודעה שלך",
    },
];
