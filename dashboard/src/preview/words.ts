import type { Configuration, FieldKind, Texts } from '../api/schema';

/** The product's own words in a bar, where a member gives none (`src/bars/configuration/builtin.rs`). */
type Words = { close: string; success: string; error: string; policy: string } & Partial<
  Record<FieldKind, string>
>;

const en: Words = {
  close: 'Close',
  success: 'Thank you!',
  error: 'That could not be sent. Please try again.',
  policy: 'Privacy policy',
  email: 'Your email',
  name: 'Your name',
  phone: 'Your phone number',
  message: 'Your message',
};

const words: Record<string, Words> = {
  en,
  de: {
    close: 'Schließen',
    success: 'Vielen Dank!',
    error: 'Das konnte nicht gesendet werden. Bitte versuchen Sie es noch einmal.',
    policy: 'Datenschutzerklärung',
    email: 'Ihre E-Mail-Adresse',
    name: 'Ihr Name',
    phone: 'Ihre Telefonnummer',
    message: 'Ihre Nachricht',
  },
  fr: {
    close: 'Fermer',
    success: 'Merci !',
    error: 'L’envoi a échoué. Veuillez réessayer.',
    policy: 'Politique de confidentialité',
    email: 'Votre e-mail',
    name: 'Votre nom',
    phone: 'Votre numéro de téléphone',
    message: 'Votre message',
  },
  es: {
    close: 'Cerrar',
    success: '¡Gracias!',
    error: 'No se pudo enviar. Inténtelo de nuevo.',
    policy: 'Política de privacidad',
    email: 'Su correo electrónico',
    name: 'Su nombre',
    phone: 'Su teléfono',
    message: 'Su mensaje',
  },
  it: {
    close: 'Chiudi',
    success: 'Grazie!',
    error: 'Invio non riuscito. Riprova.',
    policy: 'Informativa sulla privacy',
    email: 'La tua email',
    name: 'Il tuo nome',
    phone: 'Il tuo numero di telefono',
    message: 'Il tuo messaggio',
  },
  nl: {
    close: 'Sluiten',
    success: 'Bedankt!',
    error: 'Verzenden is niet gelukt. Probeer het opnieuw.',
    policy: 'Privacybeleid',
    email: 'Uw e-mailadres',
    name: 'Uw naam',
    phone: 'Uw telefoonnummer',
    message: 'Uw bericht',
  },
  pt: {
    close: 'Fechar',
    success: 'Obrigado!',
    error: 'Não foi possível enviar. Tente novamente.',
    policy: 'Política de privacidade',
    email: 'Seu e-mail',
    name: 'Seu nome',
    phone: 'Seu telefone',
    message: 'Sua mensagem',
  },
  ar: {
    close: 'إغلاق',
    success: 'شكرًا لك!',
    error: 'تعذّر الإرسال. يُرجى المحاولة مرة أخرى.',
    policy: 'سياسة الخصوصية',
    email: 'بريدك الإلكتروني',
    name: 'اسمك',
    phone: 'رقم هاتفك',
    message: 'رسالتك',
  },
  he: {
    close: 'סגירה',
    success: 'תודה!',
    error: 'השליחה נכשלה. נסו שוב.',
    policy: 'מדיניות פרטיות',
    email: 'כתובת האימייל שלך',
    name: 'השם שלך',
    phone: 'הטלפון שלך',
    message: 'ההודעה שלך',
  },
};

/** In that language; in English if we don't speak it. */
export function builtin(language: string): Words {
  return words[language.split('-')[0]!.toLowerCase()] ?? en;
}

/** With what the bar thanks a visitor who reads that language. */
export function thanks(
  configuration: Configuration,
  variant: string | undefined,
  language: string | undefined,
): string {
  const found = configuration.variants.find(({ key }) => key === variant) ?? configuration.variants[0];
  const tag = language ?? configuration.default_language ?? 'en';
  const texts = (of: string): Texts | undefined => found?.texts[of];
  return (
    texts(tag)?.success || texts(configuration.default_language ?? 'en')?.success || builtin(tag).success
  );
}
