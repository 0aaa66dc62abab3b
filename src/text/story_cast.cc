#include "text/story_grammar.h"

namespace anemone::text {

const std::string_view kStoryCast = R"(
# --- Characters: he, him, his are the pronouns; kind is what a story calls them at first.
hero
  <girl>
  <boy>
  <girl>
  <boy>
  <she_animal>
  <he_animal>
friend
  <girl>
  <boy>
girl :: he=she; him=her; his=her; kind=(little|little|young) girl
  Lily
  Mia
  Anna
  Zoe
boy :: he=he; him=him; his=his; kind=(little|little|young) boy
  Tom
  Ben
  Max
  Sam
she_animal :: he=she; him=her; his=her
  Coco :: kind=(little|little|young) cat
  Bella :: kind=(little|little|young) rabbit
  Ruby :: kind=(little|little|young) fox
he_animal :: he=he; him=him; his=his
  Bob :: kind=(little|little|young) bear
  Rex :: kind=(little|little|young) dog
  Pip :: kind=(little|little|young) mouse
adult
  <woman>
  <man>
woman :: he=she; him=her; his=her
  mom :: name=Mom
  grandma :: name=Grandma
man :: he=he; him=him; his=his
  dad :: name=Dad
  grandpa :: name=Grandpa
# Animals without a name: food is what they eat, moved how they go, part what may hurt.
beast :: he=it; him=it; his=its
  bird :: food=some seeds; moved=flew; part=wing; call=sang
  duck :: food=some bread; moved=walked; part=wing; call=said quack
  squirrel :: food=some nuts; moved=ran; part=leg; call=squeaked
  kitten :: food=some milk; moved=ran; part=paw; call=said meow
  puppy :: food=some meat; moved=ran; part=paw; call=barked
  hedgehog :: food=an apple; moved=walked; part=foot; call=squeaked
  frog :: food=some bread; moved=hopped; part=leg; call=said croak
  lamb :: food=a carrot; moved=jumped; part=leg; call=said baa
# Young ones whose mother bears the same name.
baby
  bird :: moved=hopped
  duck :: moved=ran
  squirrel :: moved=ran
  hedgehog :: moved=walked
  bear :: moved=ran
  deer :: moved=jumped
  monkey :: moved=jumped
# What a hero is like, how it shows, and how such a one goes home.
trait
  cheerful :: shows={Hero.he} sang a song every morning; home=sang all the way home
  friendly :: shows={Hero.he} said hello to everyone; home=waved to everyone on the way home
  quick :: shows={Hero.he} could run very fast; home=ran all the way home
  funny :: shows={Hero.he} liked to make people laugh; home=told jokes all the way home
  smart :: shows={Hero.he} liked to ask questions; home=thought about it all the way home
  gentle :: shows={Hero.he} was nice to every little bug; home=picked a flower on the way home
  playful :: shows={Hero.he} played games all day; home=hopped all the way home
  sleepy :: shows={Hero.he} took a nap every day; home=slept very well that night
# --- Places
place
  park :: at=in the park; to=to the park
  garden :: at=in the garden; to=to the garden
  forest :: at=in the forest; to=to the forest
  beach :: at=at the beach; to=to the beach
  farm :: at=at the farm; to=to the farm
  lake :: at=by the lake; to=to the lake
  hill :: at=on the hill; to=to the hill
  field :: at=in the field; to=to the field
spot
  under a (big|green) bush
  behind a (big|tall) tree
  under an old bench
  behind a (big|gray) rock
  in the (tall|long) grass
  under some leaves
  next to a log
spot_a
  <spot>
spot_b
  <spot>
# --- Things: use and did are what one does with it, before and after "it" has been named.
color
  red
  blue
  green
  yellow
  pink
  white
toy
  <color> ball :: use=kick it; did=kicked it
  <color> kite :: use=fly it; did=flew it
  toy truck :: use=drive it; did=drove it
  <color> car :: use=push it; did=pushed it
  <color> drum :: use=play it; did=played it
  toy train :: use=pull it; did=pulled it
  toy horse :: use=ride it; did=rode it
  teddy bear :: use=hug it; did=hugged it
treat
  cookies :: one=cookie; made=baked
  cakes :: one=cake; made=baked
  berries :: one=berry; made=picked
  apples :: one=apple; made=picked
  plums :: one=plum; made=picked
  candies :: one=candy; made=bought
game
  hide and seek
  tag
  catch
  a jumping game
  a singing game
# --- Phrases that every plot may use
once
  Once upon a time, there was a {hero.kind} named {hero}. {Hero.he} was (very|always) {trait}. {trait.shows}.
  Once upon a time, there was a {trait} {hero.kind} named {hero}. {trait.shows}.
  Once there was a {hero.kind}. {Hero.his} name was {hero}. {Hero.he} was {trait}, and everyone liked {hero.him}.
  {hero} was a {trait} {hero.kind}. {trait.shows}.
  There was a {hero.kind} named {hero} who lived near a {place}. {Hero.he} was very {trait}.
  In a small house near a {place}, there lived a {trait} {hero.kind} named {hero}.
day
  One day,
  One (sunny|warm|bright|fine) (day|morning),
  One (day|morning) in (spring|summer),
sad
  (very |so |)sad
  (very |)upset
  (so |very |)unhappy
happy
  (very |so |)happy
  (very |so |)glad
since
  From that day on,
  After that day,
  From then on,
learned
  {hero} learned that
  That day, {hero} learned that
  Now {hero} knew that
  {hero} would never forget that
went_home
  {hero} {trait.home}.
  {Hero.he} {trait.home}.
  That night, {hero} told {hero.his} {adult} all about it.
hug
  {hero} gave {friend} a big hug.
  {hero} hugged {friend}.
  {hero} smiled at {friend} and took {friend.his} hand.
thank_friend
  "Thank you, {friend}," said {hero}. "You are a (good|true|real) friend."
  "Thank you (so|very) much, {friend}!" said {hero}. <hug>
  <hug> "Thank you for your help," said {hero}.
together
  They played together (all day|until the sun went down|all afternoon).
  They laughed and played (all day|until it was dark|all afternoon).
  Then they played {game} together, and they had a lot of fun.
)";

}  // namespace anemone::text
